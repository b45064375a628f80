"""The record, and what any stage says of one that it rejects."""

from typing import Any

import pyarrow as pa

Row = dict[str, Any]

TURNS = pa.list_(pa.struct([("question", pa.string()), ("answer", pa.string())]))
SCORES = pa.list_(pa.float32())  # one value per turn; null where it does not apply

# What a source gives. `images` are sha256 of the stored images; a text refers to its next image by <image>, and to a
# sequence of frames by <video>.
RECORD = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("domain", pa.string()),
        ("origin", pa.string()),  # authentic | translated | synthetic
        ("images", pa.list_(pa.string())),
        ("frames", pa.list_(pa.int32())),  # how many images each placeholder stands for; null: one each
        ("english", TURNS),  # null where the source has none
        ("arabic", TURNS),
        ("reference", TURNS),  # a trusted Arabic translation, where the source has one
    ]
)

# What any stage turns away: which, where it stood, and every reason.
REJECTED = pa.schema([("id", pa.string()), ("where", pa.string()), ("reasons", pa.list_(pa.string()))])


def rejection(identifier: str | None, reasons: list[str], where: str | None = None) -> Row:
    return {"id": identifier, "where": where, "reasons": reasons}
