"""Write files whole or not at all, and open only what is a regular file."""

import errno
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from ain import UserError

MB = 1_000_000


def open_regular(path: Path | str) -> BinaryIO:
    """Open a regular file to read bytes. Raise OSError for anything else: a FIFO would wait for ever, a device never end.

    What the descriptor leads to is judged, not the path, which may change in between.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return os.fdopen(descriptor, "rb")


def given_text(path: Path, limit_mb: int = 10) -> str:
    """Return the text of a small file that a person wrote. Raise UserError if it is no file of UTF-8 text, or larger."""
    try:
        with open_regular(path) as file:
            data = file.read(limit_mb * MB + 1)
    except (OSError, ValueError) as error:  # a name with a zero byte
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if len(data) > limit_mb * MB:
        raise UserError(f"{path}: larger than {limit_mb} MB; give a smaller file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not in UTF-8 (byte {error.start + 1}); save it as UTF-8") from None


def replace_file(path: Path, write: Any) -> None:
    """Write a file whole or not at all: `write` is called with a temporary path beside it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def replace_bytes(path: Path, data: bytes) -> None:
    replace_file(path, lambda temporary: temporary.write_bytes(data))


def replace_text(path: Path, text: str) -> None:
    replace_bytes(path, text.encode())
