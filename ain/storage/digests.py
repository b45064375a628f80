"""Digests of values, of listings, and of the content of checkpoints; what was hashed once is remembered in the user's cache."""

import hashlib
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from ain.storage.files import replace_text


def digest(value: Any) -> str:
    """Twelve hexadecimal digits; 1, 1.0, "1" and true are four different values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]


def folder_digest(directory: Path) -> str:
    """A listing of all files with sizes and modification times: cheap, and any change of the data changes it."""
    return digest([[name, found.st_size, found.st_mtime_ns] for name, found in _files(directory)])


def _files(directory: Path) -> list[tuple[str, os.stat_result]]:
    """(path below the directory, its stat) of all files, folder by folder in the order of their names. One stat a file."""
    files = []
    for folder, _, names in os.walk(directory):
        below = os.path.relpath(folder, directory)
        for name in names:
            with suppress(FileNotFoundError):  # a link to nowhere
                found = os.stat(os.path.join(folder, name))
                files.append((name if below == "." else os.path.join(below, name), found))
    files = [(name, found) for name, found in files if stat.S_ISREG(found.st_mode)]
    return sorted(files, key=lambda file: file[0].split(os.sep))


def cache(name: str) -> Path:
    """A folder of the user's cache: what may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ain" / name


def content_digest(directory: Path) -> str:
    """The content of all files in a checkpoint's directory, hashed once and remembered by listing."""
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
