"""Pack: conversations as tokens, once and for all: chat template, visual placeholders, labels on answers only.

A conversation that is longer than the cutoff is turned away, never cut: a cut could go through a picture.
"""

import shutil
from pathlib import Path
from typing import Any

from ain import UserError
from ain.model.processor import IGNORE, Processor, conversation
from ain.model.samples import SCHEMA, STORES, Pictures
from ain.progress import progress
from ain.record import Row, Shards, rejection


def pack(mix: Path, processor: Processor, out: Path) -> dict[str, Any]:
    rows, shards = Shards(mix), Shards(out, SCHEMA, suffix="arrow").create()
    shutil.copy(mix / STORES, out / STORES)
    pictures = Pictures(out)
    with progress("pack", total=rows.count(), unit="sample") as bar:
        for index in range(len(rows)):
            kept: list[Row] = []
            rejected: list[Row] = []
            for row in [] if shards.done(index) else rows.read(index):
                sample = _sample(row, processor, pictures)
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
    tokens = sum(len(row["input_ids"]) for row in shards.rows(["input_ids"]))
    return {**counts, "tokens": tokens, "tokens_per_sample": round(tokens / counts["kept"], 1)}


def _sample(row: Row, processor: Processor, pictures: Pictures) -> Row:
    tokens = processor.tokenize(
        conversation(row["exchanges"]), [pictures.size(reference) for reference in row["images"]]
    )
    named = {name: row[name] for name in ("id", "domain", "language", "split", "images")}
    return {
        **named,
        "input_ids": tokens.input_ids,
        "answers": [label != IGNORE for label in tokens.labels],
        "grids": tokens.grids,
    }
