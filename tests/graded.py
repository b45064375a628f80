"""Directories of predict and grade as the stages leave them, with questions of one's own."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from ain.benchmark.answers import ANSWERED
from ain.storage.images import ImageStore, png
from ain.storage.listing import mark_done
from ain.storage.shards import Shards
from ain.storage.tables import write_table

SHARD = 256
COMMON = {
    **{"domain": "vqa", "kind": "colour", "language": "en", "images": "shown", "options": [], "labels": ["red"]},
    **{"question": "<image>\nWhich colour?", "prediction": "red", "parsed": "red", "score": 1.0, "finish": "stop"},
    **{"pixels": 4, "prompt_tokens": 9, "answer_tokens": 2, "seconds": 0.25},
}


def image(number: int) -> tuple[str, bytes]:
    data = png(Image.new("RGB", (40, 30), (number % 256, number // 256, 90)))
    return hashlib.sha256(data).hexdigest(), data


def graded(data: Path, model: str, rows: Iterable[dict[str, Any]], benchmark: str = "made", images: int = 8) -> Path:
    """Write what a model's predict and grade would leave, and return grade's directory. rows: what differs from COMMON."""
    predict, grade = (data / f"10-{stage}-{benchmark}-{model}" for stage in ("predict", "grade"))
    shown = [image(number) for number in range(images)]
    made = [
        COMMON | {"id": str(i), "media": [shown[i % images][0]], "shown": [shown[i % images][0]]} | row
        for i, row in enumerate(rows)
    ]
    schema = pa.schema([*ANSWERED, pa.field("parsed", pa.string()), pa.field("score", pa.float32())])
    shards, store = Shards(grade, schema).create(), ImageStore(predict, small=True)
    for index, start in enumerate(range(0, len(made), SHARD)):
        shards.write(index, made[start : start + SHARD])
        with store.writing(index) as shard:
            for sha, bytes_ in shown:
                shard.add(sha, bytes_, 40, 30)
    write_table(grade / "tables" / "accuracy.csv", [_accuracy(made)])
    counts = {"model": model, "benchmark": benchmark}
    mark_done(predict, {"stage": "predict", "counts": counts, "settings": {}})
    mark_done(grade, {"stage": "grade", "counts": counts, "settings": {}, "follows": {"predict": predict.name}})
    return grade


def _accuracy(rows: list[dict[str, Any]]) -> dict[str, Any]:
    mean = 100 * sum(row["score"] or 0.0 for row in rows) / len(rows)
    keys = {"language": "en", "images": "shown", "domain": "all"}
    return {**keys, "accuracy": mean, "low": mean, "high": mean, "questions": len(rows)}
