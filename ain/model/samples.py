"""Packed samples for training: memory-mapped tokens, and pictures decoded as they are needed."""

import json
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from PIL import Image

from ain.images import ImagePacks
from ain.model.processor import IGNORE, Tokens
from ain.record import Row, Shards

STORES = "stores.json"  # beside the rows: which collect directories, next to this one, hold the pictures
IMAGE_REFERENCE = pa.struct([("store", pa.int32()), ("pack", pa.int32()), ("row", pa.int32())])
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("domain", pa.string()),
        ("language", pa.string()),
        ("split", pa.string()),
        ("input_ids", pa.list_(pa.int32())),
        ("answers", pa.list_(pa.bool_())),  # where the loss is
        ("images", pa.list_(IMAGE_REFERENCE)),
        ("grids", pa.list_(pa.list_(pa.int32()))),
    ]
)


class Pictures:
    """The pictures that rows refer to by (store, pack, row)."""

    def __init__(self, directory: Path) -> None:
        held = json.loads((directory / STORES).read_text(encoding="utf-8"))
        self.packs = [ImagePacks(directory.parent / store) for store in held["stores"]]
        self.blank = held["pictures"] == "blank"

    def size(self, reference: Row) -> tuple[int, int]:
        return self.packs[reference["store"]].size((reference["pack"], reference["row"]))

    def image(self, reference: Row) -> Image.Image:
        """RGB; all grey, in its own size, where the mixture asks for blank pictures."""
        image = self.packs[reference["store"]].image((reference["pack"], reference["row"]))
        return blank(image) if self.blank else image


def blank(image: Image.Image) -> Image.Image:
    return Image.new("RGB", image.size, (127, 127, 127))


class Samples:
    """One split of a pack directory as a map-style data set; only the rows that are read come into memory."""

    def __init__(self, directory: Path, split: str) -> None:
        self.directory = directory
        self.split = split

    @cached_property
    def _table(self) -> pa.Table:
        shards = Shards(self.directory, SCHEMA, suffix="arrow")
        tables = [shards.mapped(index) for index in range(len(shards))]
        return pa.concat_tables(tables)

    @cached_property
    def _rows(self) -> list[int]:
        return [i for i, split in enumerate(self._table["split"].to_pylist()) if split == self.split]

    @cached_property
    def pictures(self) -> Pictures:
        return Pictures(self.directory)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> tuple[Row, Tokens, list[Image.Image]]:
        """(id, domain and language; tokens; pictures)."""
        row = self._table.slice(self._rows[index], 1).to_pylist()[0]
        labels = [token if answer else IGNORE for token, answer in zip(row["input_ids"], row["answers"], strict=True)]
        tokens = Tokens(row["input_ids"], labels, [tuple(grid) for grid in row["grids"]])
        return row, tokens, [self.pictures.image(reference) for reference in row["images"]]
