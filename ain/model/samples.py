"""Tokenized samples for training: tokens are memory-mapped, images are decoded on demand."""

import json
from bisect import bisect_right
from copy import copy
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from ain.model.processor import IGNORE, Layout, Tokens
from ain.storage.images import ImageStore, png
from ain.storage.listing import verified
from ain.storage.record import Row
from ain.storage.shards import Shards

STORES = "stores.json"  # in the same directory: which sibling collect directories hold the images
IMAGE_REFERENCE = pa.struct([("store", pa.int32()), ("shard", pa.int32()), ("row", pa.int32())])
LAYOUT = pa.struct(
    [
        ("kind", pa.string()),
        ("shape", pa.list_(pa.int32())),
        ("tokens", pa.int32()),
        ("patches", pa.int32()),
        ("images", pa.int32()),
        ("fps", pa.float64()),
    ]
)
SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("domain", pa.string()),
        ("language", pa.string()),
        ("split", pa.string()),
        ("input_ids", pa.list_(pa.int32())),
        ("answers", pa.list_(pa.bool_())),  # tokens that the loss is computed on
        ("images", pa.list_(IMAGE_REFERENCE)),
        ("media", pa.list_(LAYOUT)),
        ("tokens", pa.int32()),
        ("answer_tokens", pa.int32()),
    ]
)


class ImageStores:
    """The images that rows refer to by (store, shard, row)."""

    def __init__(self, directory: Path) -> None:
        held = json.loads(verified(directory / STORES).read_text(encoding="utf-8"))
        self.stores = [ImageStore(directory.parent / store) for store in held["stores"]]
        self.blank = held["images"] == "blank"

    def size(self, reference: Row) -> tuple[int, int]:
        return self.stores[reference["store"]].size((reference["shard"], reference["row"]))

    def image(self, reference: Row) -> Image.Image:
        """Return the image in RGB; if the mixture asks for blank images, a grey one of the same size."""
        image = self.stores[reference["store"]].image((reference["shard"], reference["row"]))
        return blank(image) if self.blank else image

    def bytes(self, reference: Row) -> bytes:
        """Return the encoded image; a blank one as PNG."""
        if self.blank:
            return png(self.image(reference))
        return self.stores[reference["store"]].bytes((reference["shard"], reference["row"]))


def blank(image: Image.Image) -> Image.Image:
    return Image.new("RGB", image.size, (127, 127, 127))


class Samples:
    """One split of a tokenize directory as a map-style dataset. Only the rows that are read are loaded into memory.

    lengths, answers [samples]: the number of tokens, and of tokens that the loss is computed on.
    """

    def __init__(self, directory: Path, split: str) -> None:
        self.directory = directory
        shards = Shards(directory, SCHEMA, suffix="arrow")
        self._shards = [shards.mapped(index) for index in range(len(shards))]
        self._starts = [0, *accumulate(table.num_rows for table in self._shards)]
        chosen = [pc.equal(table["split"], split).to_numpy() for table in self._shards]
        self._rows = np.flatnonzero(np.concatenate([*chosen, np.zeros(0, dtype=bool)])).astype(np.int32)
        self.lengths = self._column("tokens")[self._rows]
        self.answers = self._column("answer_tokens")[self._rows]

    def _column(self, name: str) -> np.ndarray:
        found = [table[name].to_numpy() for table in self._shards]
        return np.concatenate(found) if found else np.zeros(0, dtype=np.int32)

    @cached_property
    def images(self) -> ImageStores:
        return ImageStores(self.directory)

    def __len__(self) -> int:
        return len(self._rows)

    def drawn(self, count: int | None, seed: int) -> "Samples":
        """Return at most `count` of these samples, drawn by the seed alone, in their order; all if `count` is None."""
        if count is None or count >= len(self):
            return self
        chosen = np.sort(np.random.default_rng(seed).permutation(len(self))[:count])
        fewer = copy(self)
        fewer._rows, fewer.lengths, fewer.answers = self._rows[chosen], self.lengths[chosen], self.answers[chosen]
        return fewer

    def row(self, index: int) -> Row:
        """Return the row without its images: id, domain, language, ..."""
        number = int(self._rows[index])
        shard = bisect_right(self._starts, number) - 1
        return self._shards[shard].slice(number - self._starts[shard], 1).to_pylist()[0]  # type: ignore[no-any-return]

    def __getitem__(self, index: int) -> tuple[Row, Tokens, list[Image.Image]]:
        """Return (row, tokens, images)."""
        row = self.row(index)
        labels = [token if answer else IGNORE for token, answer in zip(row["input_ids"], row["answers"], strict=True)]
        media = [Layout(**{**layout, "shape": tuple(layout["shape"])}) for layout in row["media"]]
        tokens = Tokens(row["input_ids"], labels, media)
        return row, tokens, [self.images.image(reference) for reference in row["images"]]
