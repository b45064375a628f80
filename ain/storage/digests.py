"""Digests of values, of listings, and of the content of checkpoints; what was hashed once is remembered in the user's cache."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from ain.storage.files import replace_text


def digest(value: Any) -> str:
    """Twelve hexadecimal digits; 1, 1.0, "1" and true are four different values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:12]


def folder_digest(directory: Path) -> str:
    """A listing of all files with sizes and modification times: cheap, and any change of the data changes it."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return digest([[str(path.relative_to(directory)), path.stat().st_size, path.stat().st_mtime_ns] for path in files])


def cache(name: str) -> Path:
    """A folder of the user's cache: what may be deleted at any time."""
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ain" / name


def content_digest(directory: Path) -> str:
    """The content of all files in a checkpoint's directory, hashed once and remembered by listing."""
    remembered = cache("digests") / digest([str(directory.resolve()), folder_digest(directory)])
    if remembered.exists():
        return remembered.read_text(encoding="utf-8")
    found = []
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        with open(path, "rb") as file:
            found.append([str(path.relative_to(directory)), hashlib.file_digest(file, "sha256").hexdigest()])
    remembered.parent.mkdir(parents=True, exist_ok=True)
    replace_text(remembered, digest(found))
    return digest(found)
