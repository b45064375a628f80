"""Open the files that a person's rows name: regular, of limited size, and inside the data's folder unless others are allowed."""

import os
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import BinaryIO

from ain.storage.files import MB, open_regular
from ain.storage.images import BadImage


@dataclass(frozen=True)
class Files:
    """outside: whether files may lie outside the folder, once links are resolved. group: of the keys in messages."""

    folder: Path
    outside: bool
    max_image_mb: float
    group: str = "source"

    @cached_property
    def _place(self) -> str:
        return os.path.realpath(self.folder)

    def image(self, name: str) -> bytes:
        """Return the bytes of an image. Raise BadImage with the reason, OSError or ValueError if there is no such file."""
        with self.open(name) as file:
            self.check_size(os.fstat(file.fileno()).st_size)
            return self.read(file)

    def read(self, file: BinaryIO) -> bytes:
        """Return all bytes of a file that may be larger than it says."""
        data = file.read(int(self.max_image_mb * MB) + 1)
        self.check_size(len(data))
        return data

    def check_size(self, size: int) -> None:
        if size > self.max_image_mb * MB:
            raise BadImage(f"image file of more than {self.max_image_mb:g} MB; the limit is {self.group}.max_image_mb")

    def open(self, name: Path | str) -> BinaryIO:
        """Open a file by its path from the folder. The check is repeated on what was opened: links may have changed."""
        path = os.path.join(self.folder, name)
        self._check_place(_resolved(path), str(name))
        file = open_regular(path)
        try:
            self._check_place(os.readlink(f"{_OPENED}/{file.fileno()}") if _OPENED else _resolved(path), str(name))
        except BadImage:
            file.close()
            raise
        return file

    def _check_place(self, path: str, name: str) -> None:
        if not self.outside and not _below(path, self._place):
            raise BadImage(f"file outside the folder: {name[:120]}; move it there, or set {self.group}.outside=true")


_OPENED = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else None  # where Linux links to what is open


def _resolved(path: str) -> str:
    """Return the path without links. Folders are looked up once: a row names many files of a few folders."""
    folder, name = os.path.split(path)
    if name in ("", ".", "..") or os.path.islink(path):
        return os.path.realpath(path)
    return os.path.join(_resolved_folder(folder), name)


@lru_cache(1_000)
def _resolved_folder(folder: str) -> str:
    return os.path.realpath(folder)


def _below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)
