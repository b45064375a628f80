"""Find a row's images without reading them: how many there are, and which cannot be images."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ain.source.parts import by_url
from ain.source.stored_images import StoredImages
from ain.storage.images import MAX_PIXELS, BadImage, checked

# How files of the formats that are read begin: PNG, JPEG, BMP, GIF, TIFF, WebP.
_BEGINNINGS = (b"\x89PNG", b"\xff\xd8", b"BM", b"GIF8", b"II*\0", b"MM\0*", b"RIFF")


@dataclass(frozen=True)
class Picture:
    """An image of a row. It is read when it is called; raises BadImage with the reason if it cannot be used."""

    pictures: "Pictures"
    row: int
    column: str
    position: int  # within a list of images

    def __call__(self) -> bytes:
        return self.pictures.read(self)


@dataclass(frozen=True, eq=False)
class Pictures:
    """data: a split in Arrow format. columns: those that it has, of images or of lists of them."""

    data: Any
    columns: Sequence[str]
    stored: StoredImages

    def of(self, table: Any, offset: int, row: int) -> dict[int, Picture]:
        """Return number → image for a row. table: of a few rows; offset: of this row in it. Images are numbered as their
        columns are, such as image_2, otherwise from 1."""
        found: dict[int, Picture] = {}
        for column in self.columns:
            number = re.search(r"\d+$", column) if len(self.columns) > 1 else None
            for position, scalar in enumerate(_cells(table[column][offset])):
                if _is_there(scalar):
                    key = int(number[0]) if number else len(found) + 1
                    found[key] = Picture(self, row, column, position)
        return found

    def fault(self, picture: Picture, table: Any, offset: int) -> str | None:
        """Return why this can be no image, or None. Only its first bytes are looked at, and a file's only if it is there."""
        scalar = list(_cells(table[picture.column][offset]))[picture.position]
        data, path = _parts(scalar)
        if data is not None and data.as_buffer().size:
            begins = data.as_buffer().slice(0, 4).to_pybytes()
            return None if begins.startswith(_BEGINNINGS) else _said(picture, "no image in a known format")
        if said := by_url(path):
            return _said(picture, said)
        if path and os.path.isfile(os.path.join(self.stored.files.folder, path)):
            return None
        return _said(picture, f"no such file: {path[:100]}" if path else "an empty image")

    def read(self, picture: Picture) -> bytes:
        scalar = list(_cells(self.data[picture.row : picture.row + 1][picture.column][0]))[picture.position]
        try:
            data = self.stored.read(scalar.as_py())
            checked(data, MAX_PIXELS)
        except (BadImage, OSError, ValueError) as error:
            raise BadImage(_said(picture, str(error))) from None
        return data


def _said(picture: Picture, reason: str) -> str:
    return f"{picture.column}: {reason}"


def _cells(scalar: Any) -> Iterator[Any]:
    """Yield the images of a cell, one or a list."""
    import pyarrow as pa

    if isinstance(scalar, pa.ListScalar | pa.LargeListScalar | pa.FixedSizeListScalar):
        yield from scalar.values if scalar.is_valid else ()
    else:
        yield scalar


def _is_there(scalar: Any) -> bool:
    return scalar.is_valid and any(part is not None for part in _parts(scalar))


def _parts(scalar: Any) -> tuple[Any, str | None]:
    """Return (scalar of bytes, path) of an image; None for what it does not have."""
    import pyarrow as pa

    if isinstance(scalar, pa.StructScalar):
        names = [one.name for one in scalar.type]
        data = scalar["bytes"] if "bytes" in names else None
        path = scalar["path"].as_py() if "path" in names else None
        return (data if data is not None and data.is_valid else None), path
    if isinstance(scalar, pa.BinaryScalar | pa.LargeBinaryScalar) and not isinstance(scalar, pa.StringScalar):
        return scalar, None
    return None, scalar.as_py() or None
