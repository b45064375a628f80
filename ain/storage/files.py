"""Write files whole or not at all."""

import os
from pathlib import Path
from typing import Any


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
