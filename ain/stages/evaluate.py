"""Evaluate: a benchmark asked of the base model or of the trained one; every prediction is kept, every question counted."""

from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
from PIL import Image

from ain import UserError
from ain.benchmark import Item
from ain.metrics.answers import exact
from ain.metrics.bootstrap import interval
from ain.model.processor import Processor
from ain.model.samples import blank
from ain.progress import progress
from ain.record import Row, Shards
from ain.tables import write_table

TEXTS = ("id", "domain", "language", "kind", "pictures", "question", "label", "prediction")
SCHEMA = pa.schema([*((name, pa.string()) for name in TEXTS), ("score", pa.float32())])
CHUNK = 256


def evaluate(
    processor: Processor,
    predictor: Any,
    benchmark: Any,
    out: Path,
    train: Path | None = None,
    checkpoint: str | None = None,
) -> dict[str, Any]:
    shards = Shards(out, SCHEMA).create()
    asked = [
        (item, pictures, image)
        for pictures in benchmark.pictures
        for item, image in _shown(list(benchmark.items()), pictures)
    ]
    model = str(train / "checkpoint") if train else str(checkpoint)
    with progress("evaluate", total=len(asked), unit="question") as bar:
        for index, start in enumerate(range(0, len(asked), CHUNK)):
            chunk = asked[start : start + CHUNK]
            if not shards.done(index):
                answers = predictor.predict(model, processor, [(item.question, [image]) for item, _, image in chunk])
                shards.write(
                    index,
                    [
                        _graded(item, pictures, answer)
                        for (item, pictures, _), answer in zip(chunk, answers, strict=True)
                    ],
                )
            bar.update(len(chunk))
    rows = list(shards.rows(["domain", "language", "pictures", "score"]))
    write_table(out / "tables" / "accuracy.csv", _accuracy(rows))
    return {"input": len(asked), "kept": len(rows), "rejected": 0}


def _shown(items: list[Item], pictures: str) -> list[tuple[Item, Image.Image]]:
    if pictures == "shown":
        return [(item, item.image) for item in items]
    if pictures == "blank":
        return [(item, blank(item.image)) for item in items]
    if pictures == "shuffled":
        return _shuffled(items)
    raise UserError(f"benchmark.pictures={pictures}: choose among shown, shuffled, blank")


def _shuffled(items: list[Item]) -> list[tuple[Item, Image.Image]]:
    """Each question with the picture of another scene of its domain."""
    by_domain: dict[str, dict[int, Image.Image]] = defaultdict(dict)
    for item in items:
        by_domain[item.domain][id(item.image)] = item.image
    if any(len(images) < 2 for images in by_domain.values()):
        raise UserError("benchmark.pictures=shuffled needs two pictures in each domain; raise benchmark.scenes")
    random = Random(0)
    shown = []
    for item in items:
        others = [image for image in by_domain[item.domain].values() if image is not item.image]
        shown.append((item, random.choice(others)))
    return shown


def _graded(item: Item, pictures: str, answer: str) -> Row:
    named = {name: getattr(item, name) for name in ("id", "domain", "language", "kind", "question", "label")}
    return {**named, "pictures": pictures, "prediction": answer, "score": exact(answer, item.label)}


def _accuracy(rows: list[Row]) -> list[dict[str, Any]]:
    """Per language, pictures and domain, and over all domains, in percent with 95 % bootstrap intervals."""
    groups: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for row in rows:
        for domain in (row["domain"], "all"):
            groups[row["language"], row["pictures"], domain].append(row["score"])
    table = []
    for (language, pictures, domain), scores in groups.items():
        mean, low, high = (round(100 * value, 1) for value in interval(scores))
        table.append(
            {
                "language": language,
                "pictures": pictures,
                "domain": domain,
                "accuracy": mean,
                "low": low,
                "high": high,
                "questions": len(scores),
            }
        )
    return table
