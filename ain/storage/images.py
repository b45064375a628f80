"""Store each distinct image once, by sha256, in immutable memory-mapped Arrow shards.

Stages pass no pixels. Records name an image by the sha256 of its bytes; `mix` resolves the names to (shard, row), so
that a read is one lookup in a memory map.
"""

import hashlib
import io
import os
import struct
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image, ImageOps, UnidentifiedImageError

from ain.storage.arrow_files import columns_digest, mapped
from ain.storage.colours import NoColours, check, rgb
from ain.storage.damage import Damaged
from ain.storage.listing import nearest

SCHEMA = pa.schema([("sha256", pa.string()), ("bytes", pa.binary()), ("width", pa.int32()), ("height", pa.int32())])
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
MAX_PIXELS = 64_000_000  # a larger image is a decompression bomb, not a photograph
_ORIENTATION, _SIDEWAYS = 0x0112, (5, 6, 7, 8)  # EXIF's tag, and its values that swap width and height
# What decoders raise for damaged files: each is a broken image, whatever in the file was damaged.
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    LookupError,
    ArithmeticError,
    struct.error,
    MemoryError,
)
COLUMNS = [
    "sha256",
    "width",
    "height",
]  # compared when a shard is opened; an image is compared with its name when it is read
BATCH_BYTES = 4_000_000  # of images written together

Reference = tuple[int, int]  # (shard, row)


class BadImage(Exception):
    """An image cannot be used. The message is the reason of the rejection."""


class TooManyPixels(BadImage):
    """An image is larger than it may be."""


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """Open an image, not decoded yet. Sizes are limited by `checked`, not by Pillow's warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            yield image


def decode(data: bytes) -> Image.Image:
    """Return an RGB image, rotated by its EXIF orientation, from bytes that `checked` has accepted."""
    with _opened(data) as image:
        return rgb(ImageOps.exif_transpose(image))


def checked(data: bytes, max_pixels: int = MAX_PIXELS) -> tuple[str, int, int]:
    """Return (sha256, width, height) of an image. Raise BadImage with the reason if it does not decode completely."""
    try:
        with _opened(data) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise TooManyPixels(f"image of {width} x {height} pixels: more than {max_pixels:,}")
            if max(width, height) > 200 * min(width, height):
                raise BadImage(f"image of {width} x {height} pixels: too narrow for patches")
            image.load()
            check(image)
            if image.getexif().get(_ORIENTATION, 1) in _SIDEWAYS:
                width, height = height, width
    except UnidentifiedImageError:
        raise BadImage(f"no image in a known format ({', '.join(FORMATS)})") from None
    except Image.DecompressionBombError:
        raise TooManyPixels(f"image of more than {max_pixels:,} pixels") from None
    except NoColours as error:
        raise BadImage(f"image without colours to show: {error}") from None
    except _BROKEN as error:
        raise BadImage(f"broken image: {error}") from None
    return hashlib.sha256(data).hexdigest(), width, height


def suffix(data: bytes) -> str:
    """Return the file suffix for the format of these bytes, such as png or jpg."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        return "jpg" if image.format in ("JPEG", "MPO") else str(image.format).lower()


def mime(data: bytes) -> str:
    """Return the subtype of the media type of these bytes, such as png or jpeg."""
    return {"jpg": "jpeg"}.get(name := suffix(data), name)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


_SMALL = {b"images": b"smaller copies"}  # metadata of such a shard


def _is_small(table: pa.Table) -> bool:
    return bool(table.schema.metadata == _SMALL)


def _compared_columns(table: pa.Table) -> list[str]:
    """Return the columns that the list of files has a digest of: images that their names tell need none."""
    return SCHEMA.names if _is_small(table) else COLUMNS  # type: ignore[no-any-return]


class ShardWriter:
    """Write one shard, a few images at a time: a shard of large photographs would not fit into memory, and an Arrow
    batch for each image would cost whoever opens the shard more memory than its index."""

    def __init__(self, writer: pa.ipc.RecordBatchFileWriter) -> None:
        self._writer = writer
        self._rows: list[tuple[str, bytes, int, int]] = []
        self._size = 0

    def add(self, sha: str, data: bytes, width: int, height: int) -> None:
        self._rows.append((sha, data, width, height))
        self._size += len(data)
        if self._size >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            columns = [
                pa.array(values, kind) for values, kind in zip(zip(*self._rows, strict=True), SCHEMA.types, strict=True)
            ]
            self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=SCHEMA))
        self._rows, self._size = [], 0


class ImageStore:
    """The images of one directory, in shards `images/00000.arrow`, `images/00001.arrow`, ...

    small: what it writes are smaller copies under the names of the originals, so no image can be compared with its name.
    """

    def __init__(self, directory: Path, small: bool = False) -> None:
        self.directory, self.small = directory / "images", small
        self._open: dict[int, pa.Table] = {}

    @contextmanager
    def writing(self, shard: int) -> Iterator["ShardWriter"]:
        """Open one shard for writing image by image. Its file appears only when the shard is complete."""
        self.directory.mkdir(parents=True, exist_ok=True)
        final, listing = self._path(shard), nearest(self.directory)
        temporary = final.with_name(f".{final.name}.{os.getpid()}")
        if listing:
            listing.forget(final)
        try:
            schema = SCHEMA.with_metadata(_SMALL) if self.small else SCHEMA
            with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
                shard_writer = ShardWriter(writer)
                yield shard_writer
                shard_writer.flush()
            os.replace(temporary, final)
        finally:
            temporary.unlink(missing_ok=True)
        if listing:
            table = mapped(final)
            listing.add(final, table.num_rows, columns_digest(table, _compared_columns(table)))

    def _path(self, shard: int) -> Path:
        return self.directory / f"{shard:05d}.arrow"

    def __len__(self) -> int:
        if (listing := nearest(self.directory)) and listing.entry(self._path(0)):
            return next(shard for shard in count() if not listing.entry(self._path(shard)))
        return len(list(self.directory.glob("[0-9]*.arrow")))

    def _table(self, shard: int) -> pa.Table:
        if shard not in self._open:
            self._open[shard] = self._compared(self._path(shard))
        return self._open[shard]

    def _compared(self, path: Path) -> pa.Table:
        listing = nearest(self.directory)
        entry = listing.entry(path) if listing else None
        if listing and entry:
            listing.check_size(entry)
        table = mapped(path)
        listed = entry.columns if entry else None
        same = table.schema.names == SCHEMA.names and listed in (None, columns_digest(table, _compared_columns(table)))
        if listing and not same:
            raise listing.damaged(path, "its content has changed")
        return table

    def bytes(self, reference: Reference) -> bytes:
        """Return an image as it was stored. Raise Damaged if it is not the one that its name says."""
        shard, row = reference
        table = self._table(shard)
        data: bytes = table["bytes"][row].as_py()
        name = table["sha256"][row].as_py()
        if not _is_small(table) and hashlib.sha256(data).hexdigest() != name:
            why = f"the image {name[:16]}, row {row}, has changed"
            raise Damaged(
                self._path(shard), why, f"delete {self.directory.parent} and run the same command, which makes it again"
            )
        return data

    def image(self, reference: Reference) -> Image.Image:
        return decode(self.bytes(reference))

    def size(self, reference: Reference) -> tuple[int, int]:
        """Return (width, height) after rotation by EXIF orientation."""
        shard, row = reference
        table = self._table(shard)
        return table["width"][row].as_py(), table["height"][row].as_py()

    def index(self, shards: int | None = None) -> dict[str, Reference]:
        """Return sha256 → (shard, row) for all distinct images, or for those of the first `shards` shards."""
        return {
            sha: (shard, row)
            for shard in range(len(self) if shards is None else shards)
            for row, sha in enumerate(self.names(shard))
        }

    def find(self, names: Iterable[str]) -> dict[str, Reference]:
        """Return sha256 → (shard, row) for a few names, without holding the others in memory."""
        wanted, found = pa.array(names, pa.string()), {}
        for shard in range(len(self)):
            stored = self._table(shard)["sha256"]
            for row in pc.indices_nonzero(pc.is_in(stored, wanted)).to_pylist():
                found[stored[row].as_py()] = (shard, row)
        return found

    def names(self, shard: int) -> list[str]:
        """Return the sha256 of each image of a shard."""
        return self._table(shard)["sha256"].to_pylist()  # type: ignore[no-any-return]
