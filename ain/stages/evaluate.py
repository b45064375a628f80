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
from ain.runtime.progress import progress
from ain.storage.record import Row
from ain.storage.shards import Shards
from ain.storage.tables import write_table

TEXTS = ("id", "domain", "language", "kind", "images", "question", "label", "prediction")
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
        (item, images, image) for images in benchmark.images for item, image in _shown(list(benchmark.items()), images)
    ]
    model = str(train / "checkpoint") if train else str(checkpoint)
    with progress("evaluate", total=len(asked), unit="question") as bar:
        for index, start in enumerate(range(0, len(asked), CHUNK)):
            chunk = asked[start : start + CHUNK]
            if not shards.done(index):
                answers = predictor.predict(model, processor, [(item.question, [image]) for item, _, image in chunk])
                shards.write(
                    index,
                    [_graded(item, images, answer) for (item, images, _), answer in zip(chunk, answers, strict=True)],
                )
            bar.update(len(chunk))
    rows = list(shards.rows(["domain", "language", "images", "score"]))
    table = _accuracy(rows)
    write_table(out / "tables" / "accuracy.csv", table)
    named = {"model": "tuned" if train else "base", "accuracy": _nested(table)}
    return {"input": len(asked), "kept": len(rows), "rejected": 0, **named}


def _nested(table: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """images → language → domain → accuracy in percent."""
    made: dict[str, dict[str, dict[str, float]]] = {}
    for row in table:
        made.setdefault(row["images"], {}).setdefault(row["language"], {})[row["domain"]] = row["accuracy"]
    return made


def _shown(items: list[Item], images: str) -> list[tuple[Item, Image.Image]]:
    if images == "shown":
        return [(item, item.image) for item in items]
    if images == "blank":
        return [(item, blank(item.image)) for item in items]
    if images == "shuffled":
        return _shuffled(items)
    raise UserError(f"benchmark.images={images}: choose among shown, shuffled, blank")


def _shuffled(items: list[Item]) -> list[tuple[Item, Image.Image]]:
    """Each question with the image of another scene of its domain."""
    by_domain: dict[str, dict[int, Image.Image]] = defaultdict(dict)
    for item in items:
        by_domain[item.domain][id(item.image)] = item.image
    if any(len(images) < 2 for images in by_domain.values()):
        raise UserError("benchmark.images=shuffled needs two images in each domain; raise benchmark.scenes")
    random = Random(0)
    shown = []
    for item in items:
        others = [image for image in by_domain[item.domain].values() if image is not item.image]
        shown.append((item, random.choice(others)))
    return shown


def _graded(item: Item, images: str, answer: str) -> Row:
    named = {name: getattr(item, name) for name in ("id", "domain", "language", "kind", "question", "label")}
    return {**named, "images": images, "prediction": answer, "score": exact(answer, item.label)}


def _accuracy(rows: list[Row]) -> list[dict[str, Any]]:
    """Per language, images and domain, and over all domains, in percent with 95 % bootstrap intervals."""
    groups: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for row in rows:
        for domain in (row["domain"], "all"):
            groups[row["language"], row["images"], domain].append(row["score"])
    table = []
    for (language, images, domain), scores in groups.items():
        mean, low, high = (round(100 * value, 1) for value in interval(scores))
        table.append(
            {
                "language": language,
                "images": images,
                "domain": domain,
                "accuracy": mean,
                "low": low,
                "high": high,
                "questions": len(scores),
            }
        )
    return table


def headline(counts: dict[str, Any]) -> dict[str, float]:
    """`base arabic`, `tuned arabic shuffled` ... → percent."""
    return {
        " ".join([counts["model"], language, *([] if images == "shown" else [images])]): of["all"]
        for images, by_language in counts["accuracy"].items()
        for language, of in by_language.items()
    }
