"""Compute digests of values, directory listings and checkpoint contents. Those of checkpoints are cached."""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ain.storage.files import replace_text


def digest(value: Any) -> str:
    """Return twelve hexadecimal digits. 1, 1.0, "1" and true have four different digests."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:12]  # of names that are not UTF-8


def folder_digest(directory: Path) -> str:
    """Return the digest of all file names, sizes and modification times: cheap, and it changes whenever the data do.

    A folder may hold millions of files, so the JSON that is hashed is never in memory as a whole.
    """
    found, separator = hashlib.sha256(b"["), b""
    for name, one in _files(directory):
        listed = json.dumps([name, one.st_size, one.st_mtime_ns], ensure_ascii=False)
        found.update(separator + listed.encode(errors="surrogatepass"))  # of names that are not UTF-8
        separator = b", "
    found.update(b"]")
    return found.hexdigest()[:12]


def _files(directory: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield (relative path, stat) of all files, in the order of the parts of their paths, with one stat call per file.

    Memory holds the names of the folders that lead to the file.
    """
    left = [""]  # paths still to visit, the next one last; those of folders end with a separator
    while left:
        name = left.pop()
        path = os.path.join(directory, name)
        if not name or name.endswith(os.sep):
            left += _names(path, name)
            continue
        try:
            found = os.stat(path)
        except OSError:
            if os.path.islink(path):  # it leads nowhere, or to itself
                continue
            raise
        if stat.S_ISREG(found.st_mode):
            yield name, found


def _names(path: str, before: str) -> list[str]:
    """Return what lies in a folder, the last one first. Links to folders and what may not be read are left out."""
    try:
        with os.scandir(path) as entries:
            names = [
                before + entry.name + (os.sep if folder else "")
                for entry in entries
                if not (folder := entry.is_dir()) or not entry.is_symlink()
            ]
    except OSError:
        return []
    names.sort(key=lambda name: name.rstrip(os.sep), reverse=True)
    return names


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
