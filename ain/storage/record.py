"""Define the schemas of records and of rejections."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

Row = dict[str, Any]
Turns = list[dict[str, str]]

TURNS = pa.list_(pa.struct([("question", pa.string()), ("answer", pa.string())]))
SCORES = pa.list_(pa.float32())  # one value per turn; null where it does not apply


def media(image: pa.DataType) -> pa.DataType:
    """Return the type of a record's images and videos, in the order of their placeholders. A video is a list of images,
    its frames, with `fps` frames per second if known. image: the type that names an image.
    """
    return pa.list_(pa.struct([("kind", pa.string()), ("images", pa.list_(image)), ("fps", pa.float64())]))


# A record as a source provides it, in one language. Images are named by their sha256. In a text, <image> stands for the
# next image and <video> for the next video.
RECORD = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("domain", pa.string()),
        ("origin", pa.string()),  # authentic | translated | synthetic
        ("language", pa.string()),  # ISO 639-1: en, ar, de, ...
        ("media", media(pa.string())),
        ("turns", TURNS),
        ("references", pa.list_(pa.struct([("language", pa.string()), ("turns", TURNS)]))),  # trusted translations
    ]
)

# A rejection by any stage: the record's id, where it was found, and every reason.
REJECTED = pa.schema([("id", pa.string()), ("where", pa.string()), ("reasons", pa.list_(pa.string()))])


def rejection(identifier: str | None, reasons: list[str], where: str | None = None) -> Row:
    return {"id": identifier, "where": where, "reasons": reasons}


def images_of(record: Row) -> Iterator[Any]:
    """Return all images of a record in order, including the frames of its videos."""
    return (image for medium in record["media"] or () for image in medium["images"])


def readable(text: str, length: int = 300) -> str:
    """Return a text that can be stored and printed, whatever it holds: cut, with halves of characters and control
    characters escaped."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:length])
    return plain + ("..." if len(text) > length else "")


def reference(record: Row, language: str) -> Turns | None:
    """Return the trusted translation of a record into a language, or None."""
    found = (one["turns"] for one in record["references"] or () if one["language"] == language)
    return next(found, None)
