"""The schemas of records and of rejections."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

Row = dict[str, Any]
Turns = list[dict[str, str]]

TURNS = pa.list_(pa.struct([("question", pa.string()), ("answer", pa.string())]))
SCORES = pa.list_(pa.float32())  # one value per turn; null where it does not apply


def media(image: pa.DataType) -> pa.DataType:
    """Images and videos in the order of their placeholders. A video is a list of images, its frames, at `fps` frames a
    second where that is known. `image`: how an image is named.
    """
    return pa.list_(pa.struct([("kind", pa.string()), ("images", pa.list_(image)), ("fps", pa.float64())]))


# What a source gives, all of it in one language. Images are named by their sha256; a text refers to its next image by
# <image>, and to its next video by <video>.
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

# What any stage rejects: which record, where it stood, and every reason.
REJECTED = pa.schema([("id", pa.string()), ("where", pa.string()), ("reasons", pa.list_(pa.string()))])


def rejection(identifier: str | None, reasons: list[str], where: str | None = None) -> Row:
    return {"id": identifier, "where": where, "reasons": reasons}


def images_of(record: Row) -> Iterator[Any]:
    """All images of a record in order, those of its videos included."""
    return (image for medium in record["media"] or () for image in medium["images"])


def reference(record: Row, language: str) -> Turns | None:
    """The trusted translation of a record into a language, where it has one."""
    found = (one["turns"] for one in record["references"] or () if one["language"] == language)
    return next(found, None)
