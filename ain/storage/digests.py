"""Compute digests of values, directory listings and checkpoint contents. Those of checkpoints are cached."""

import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

from ain.storage.files import replace_text


def digest(value: Any) -> str:
    """Return twelve hexadecimal digits. 1, 1.0, "1" and true have four different digests."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]  # of names that are not UTF-8


def folder_digest(directory: Path) -> str:
    """Return the digest of all file names, sizes and modification times: cheap, and it changes whenever the data do."""
    return digest([[name, found.st_size, found.st_mtime_ns] for name, found in _files(directory)])


def _files(directory: Path) -> list[tuple[str, os.stat_result]]:
    """Return (relative path, stat) of all files, sorted by the parts of their paths, with one stat call per file."""
    files = []
    for folder, _, names in os.walk(directory):
        below = os.path.relpath(folder, directory)
        for name in names:
            path = os.path.join(folder, name)
            try:
                found = os.stat(path)
            except OSError:
                if os.path.islink(path):  # it leads nowhere, or to itself
                    continue
                raise
            files.append((name if below == "." else os.path.join(below, name), found))
    files = [(name, found) for name, found in files if stat.S_ISREG(found.st_mode)]
    return sorted(files, key=lambda file: file[0].split(os.sep))


def cache(name: str) -> Path:
    """Return a folder in the user's cache, which may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ain" / name


def content_digest(directory: Path) -> str:
    """Return the digest of the content of all files in a checkpoint's directory, cached by the directory's listing."""
    remembered = cache("digests") / digest([str(directory.resolve()), folder_digest(directory)])
    if remembered.exists():
        return remembered.read_text(encoding="utf-8")
    found = []
    for name, _ in _files(directory):
        with open(directory / name, "rb") as file:
            found.append([name, hashlib.file_digest(file, "sha256").hexdigest()])
    remembered.parent.mkdir(parents=True, exist_ok=True)
    replace_text(remembered, digest(found))
    return digest(found)
