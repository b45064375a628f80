"""Measure directories, and write sizes as people read them."""

import os
from pathlib import Path


def size(path: Path | str) -> int:
    """Return the bytes of a file, or of all files below a directory; 0 if there is nothing. Links are not followed."""
    try:
        with os.scandir(path) as found:
            return sum(size(one.path) if one.is_dir(follow_symlinks=False) else _of_file(one.path) for one in found)
    except NotADirectoryError:
        return _of_file(path)
    except FileNotFoundError:
        return 0


def _of_file(path: Path | str) -> int:
    try:
        return os.stat(path, follow_symlinks=False).st_size
    except FileNotFoundError:  # a running job moves its files
        return 0


def human(size: float) -> str:
    """Return 812 B, 3.4 MB, 120 GB: in powers of 1,000, as disks are sold."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 99.5 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
