"""Tokenize: store conversations as tokens and images as sizes, once for all trainings that share a processor.

A conversation that is too long gets smaller images or is rejected. It is never cut, because that could split an image.
"""

import shutil
from collections import Counter
from dataclasses import asdict
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ain import UserError
from ain.engine.local import HERE
from ain.model.conversation import conversation
from ain.model.processor import IGNORE, Processor, Unusable
from ain.model.samples import SCHEMA, STORES, ImageStores
from ain.runtime.progress import progress
from ain.storage.record import REJECTED, Row, images_of, rejection
from ain.storage.shards import Shards

BLOCK = 500  # rows sent to a worker together


def tokenize(mix: Path, processor: Processor, out: Path, engine: Any = HERE) -> dict[str, Any]:
    rows, shards = Shards(mix), Shards(out, SCHEMA, suffix="arrow").create()
    shutil.copy(mix / STORES, out / STORES)
    missing = [index for index in range(len(rows)) if not shards.done(index)]
    blocks = [Block(index, start, BLOCK) for index in missing for start in range(0, rows.size(index) or 1, BLOCK)]
    with progress("tokenize", total=rows.count(), unit="sample") as bar:
        bar.update(shards.count() + shards.count("rejected"))
        made = zip(blocks, engine.spread(Tokenizer(mix, processor, out), "block", blocks), strict=True)
        for index, parts in groupby(made, key=lambda one: one[0].shard):
            kept, rejected = (
                pa.concat_tables(some).combine_chunks() for some in zip(*(one for _, one in parts), strict=True)
            )
            shards.write_tables(index, kept, rejected)
            bar.update(kept.num_rows + rejected.num_rows)
    counts = {"input": rows.count(), "kept": shards.count(), "rejected": shards.count("rejected")}
    if counts["kept"] == 0:
        raise UserError(
            f"no conversation can be used, see {out / 'rejected'}; where they are longer than {processor.max_length} tokens, "
            "raise model.processor.max_length or lower model.processor.max_pixels"
        )
    return {**counts, **_tokens(shards)}


class Block(NamedTuple):
    """Rows of a shard of mix, so few that no process has much left when the others are done."""

    shard: int
    start: int
    rows: int


class Tokenizer:
    """Tokenizes blocks of rows, where the engine wants it."""

    def __init__(self, mix: Path, processor: Processor, out: Path) -> None:
        self.mix, self.processor, self.out = mix, processor, out
        self.libraries = processor.libraries

    @cached_property
    def images(self) -> ImageStores:
        return ImageStores(self.out)

    def block(self, block: Block) -> tuple[pa.Table, pa.Table]:
        """Return the kept and the rejected rows of a block."""
        kept: list[Row] = []
        rejected: list[Row] = []
        for row in Shards(self.mix).table(block.shard).slice(block.start, block.rows).to_pylist():
            try:
                kept.append(_sample(row, self.processor, self.images))
            except Unusable as reason:
                rejected.append(rejection(row["id"], [str(reason)]))
        return pa.Table.from_pylist(kept, SCHEMA), pa.Table.from_pylist(rejected, REJECTED)


def _tokens(shards: Shards) -> dict[str, Any]:
    """Return what training plans need: numbers of samples and of tokens by kind."""
    sums: Counter[str] = Counter()
    for index in range(len(shards)):
        table = shards.mapped(index)
        train = table.filter(pc.equal(table["split"], "train"))
        sums["tokens"] += pc.sum(table["tokens"]).as_py() or 0
        sums["train"] += train.num_rows
        sums["train_tokens"] += pc.sum(train["tokens"]).as_py() or 0
        sums["train_answer_tokens"] += pc.sum(train["answer_tokens"]).as_py() or 0
        for name, count in (("visual_tokens", "tokens"), ("patches", "patches")):
            sums[f"train_{name}"] += pc.sum(pc.struct_field(pc.list_flatten(train["media"]), count)).as_py() or 0
    return dict(sums) | {"tokens_per_sample": round(sums["tokens"] / shards.count(), 1)}


def _sample(row: Row, processor: Processor, images: ImageStores) -> Row:
    frames = [len(medium["images"]) for medium in row["media"]]
    sizes = [images.size(medium["images"][0]) for medium in row["media"]]
    rates = [medium["fps"] for medium in row["media"]]
    tokens = processor.tokenize(conversation(row["turns"]), sizes, frames, rates)
    if len(tokens.input_ids) > processor.max_length:
        raise Unusable(f"length: {len(tokens.input_ids)} tokens, model.processor.max_length is {processor.max_length}")
    answers = [label != IGNORE for label in tokens.labels]
    named = {name: row[name] for name in ("id", "domain", "language", "split")}
    return {
        **named,
        "images": list(images_of(row)),
        "input_ids": tokens.input_ids,
        "answers": answers,
        "media": [asdict(layout) for layout in tokens.media],
        "tokens": len(answers),
        "answer_tokens": sum(answers),
    }
