"""Tokenize: conversations as tokens and images as sizes, once for all trainings that share a processor and a cutoff.

A conversation that is longer than the cutoff gets smaller images or is rejected, never cut: a cut could go through an
image.
"""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from ain import UserError
from ain.model.processor import IGNORE, Processor, conversation
from ain.model.samples import SCHEMA, STORES, ImageStores
from ain.runtime.progress import progress
from ain.storage.record import Row, images_of, rejection
from ain.storage.shards import Shards


def tokenize(mix: Path, processor: Processor, out: Path) -> dict[str, Any]:
    rows, shards = Shards(mix), Shards(out, SCHEMA, suffix="arrow").create()
    shutil.copy(mix / STORES, out / STORES)
    images = ImageStores(out)
    with progress("tokenize", total=rows.count(), unit="sample") as bar:
        for index in range(len(rows)):
            kept: list[Row] = []
            rejected: list[Row] = []
            for row in [] if shards.done(index) else rows.read(index):
                sample = _sample(row, processor, images)
                length = len(sample["input_ids"])
                if length > processor.cutoff:
                    rejected.append(
                        rejection(row["id"], [f"length: {length} tokens, the cutoff is {processor.cutoff}"])
                    )
                else:
                    kept.append(sample)
                bar.update()
            if not shards.done(index):
                shards.write(index, kept, rejected)
    counts = {"input": rows.count(), "kept": shards.count(), "rejected": shards.count("rejected")}
    if counts["kept"] == 0:
        raise UserError(
            f"every conversation is longer than {processor.cutoff} tokens; "
            "raise model.processor.cutoff or lower model.processor.max_pixels"
        )
    return {**counts, **_tokens(shards)}


def _tokens(shards: Shards) -> dict[str, Any]:
    """What a plan of training needs to know of the samples: how many tokens they have, and what they are made of."""
    sums: Counter[str] = Counter()
    for index in range(len(shards)):
        table = shards.mapped(index)
        train = table.filter(pc.equal(table["split"], "train"))
        sums["tokens"] += pc.sum(table["tokens"]).as_py() or 0
        sums["train"] += train.num_rows
        sums["train_tokens"] += pc.sum(train["tokens"]).as_py() or 0
        sums["train_answer_tokens"] += pc.sum(train["answer_tokens"]).as_py() or 0
        sums["train_visual_tokens"] += sum(
            pairs * rows * columns // 4 for grids in train["grids"].to_pylist() for pairs, rows, columns in grids
        )
    return dict(sums) | {"tokens_per_sample": round(sums["tokens"] / shards.count(), 1)}


def _sample(row: Row, processor: Processor, images: ImageStores) -> Row:
    frames = [len(medium["images"]) for medium in row["media"]]
    sizes = [images.size(medium["images"][0]) for medium in row["media"]]
    tokens = processor.tokenize(conversation(row["turns"]), sizes, frames)
    answers = [label != IGNORE for label in tokens.labels]
    named = {name: row[name] for name in ("id", "domain", "language", "split")}
    return {
        **named,
        "images": list(images_of(row)),
        "input_ids": tokens.input_ids,
        "answers": answers,
        "frames": frames,
        "grids": tokens.grids,
        "tokens": len(answers),
        "answer_tokens": sum(answers),
    }
