"""Overlap: find the benchmarks' questions that the training mixture has seen, and score the models without them.

Each conversation of the mixture is looked at once, for the questions of all benchmarks.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from PIL import Image

from ain.benchmark.overlap import Found, Question, Search
from ain.engine.local import HERE
from ain.model.samples import STORES
from ain.runtime.progress import progress
from ain.storage.images import ImageStore
from ain.storage.manifest import read_manifest
from ain.storage.record import Row
from ain.storage.shards import SHARD_ROWS, Shards
from ain.storage.tables import Table, write_table

NAMES = ("benchmark", "language", "domain", "kind", "id")
SCHEMA = pa.schema([*((name, pa.string()) for name in NAMES), ("text", pa.bool_()), ("image", pa.bool_())])
ALL = "all"  # sub-domains together
TITLE = "What training has seen of the benchmarks"
SHOWN = {
    "overlap": "Questions that the conversations trained on overlap with: by their words, by their image, by both.",
    "contamination": "Accuracy in percent over all labelled questions, and over those without overlap.",
}
Pairs = dict[str, dict[str, Path]]  # model and benchmark → directories of predict and grade


def overlap(
    mix: Path, parts: dict[str, dict[str, Path]], pairs: Pairs, out: Path, engine: Any = HERE
) -> dict[str, Any]:
    """Write which questions overlap, with tables, and return the counts. Questions count with their own images."""
    asked = list(_asked(pairs))
    questions = [Question(row["question"], tuple(row["media"])) for row in asked]
    search = Search(questions, _images(pairs), mix, _hashes(mix, parts))
    found = _search(search, len(Shards(mix)), engine)
    rows = [
        {**{name: row[name] for name in NAMES}, "text": text, "image": image}
        for row, (text, image) in zip(asked, search.overlapping(found), strict=True)
    ]
    shards = Shards(out, SCHEMA).create()
    for index, start in enumerate(range(0, len(rows) or 1, SHARD_ROWS)):
        shards.write(index, rows[start : start + SHARD_ROWS])
    write_table(out / "tables" / "overlap.csv", _by_kind(rows))
    write_table(out / "tables" / "contamination.csv", _contamination(rows, pairs))
    counts = {name: sum(bool(row[name]) for row in rows) for name in ("text", "image")}
    either = sum(row["text"] or row["image"] for row in rows)
    conversations = sum(one.conversations for one in found)
    return {
        "input": len(rows),
        "kept": len(rows),
        "rejected": 0,
        **counts,
        "overlapping": either,
        "conversations": conversations,
    }


def _search(search: Search, shards: int, engine: Any) -> list[Found]:
    made = []
    with progress("overlap", total=shards, unit="shard") as bar:
        for found in engine.spread(search, "shard", list(range(shards))):
            made.append(found)
            bar.update()
    return made


def _first_of_each(pairs: Pairs) -> dict[str, dict[str, Path]]:
    """Return benchmark → the directories of the first model that was asked it: all were asked the same questions."""
    made: dict[str, dict[str, Path]] = {}
    for directories in pairs.values():
        made.setdefault(_counts(directories["grade"])["benchmark"], directories)
    return made


def _asked(pairs: Pairs) -> Iterator[Row]:
    columns = ["id", "domain", "language", "kind", "images", "media", "question"]
    for benchmark, directories in _first_of_each(pairs).items():
        for row in Shards(directories["grade"]).rows(columns):
            if row["images"] == "shown":
                yield {**row, "benchmark": benchmark}


def _images(pairs: Pairs) -> Iterator[tuple[str, Image.Image]]:
    """Yield the images that predict has kept, with their names, each once."""
    seen = set[str]()
    for directories in _first_of_each(pairs).values():
        store = ImageStore(directories["predict"])
        for shard in range(len(store)):
            for row, name in enumerate(store.names(shard)):
                if name not in seen:
                    seen.add(name)
                    yield name, store.image((shard, row))


def _hashes(mix: Path, parts: dict[str, dict[str, Path]]) -> list[Path]:
    """Return, for each image store of the mixture, the directory with its images' hashes."""
    of = {directories["collect"].name: directories["hash_images"] for directories in parts.values()}
    return [of[store] for store in json.loads((mix / STORES).read_text(encoding="utf-8"))["stores"]]


def _by_kind(rows: list[Row]) -> Table:
    """Return a row for each sub-domain of a benchmark, after one for all of them."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        for group in _groups(row):
            groups[row["benchmark"], *group].append(row)
    made = []
    for group, of in sorted(groups.items(), key=_all_first):
        by = {name: sum(bool(row[name]) for row in of) for name in ("text", "image")}
        both = sum(row["text"] and row["image"] for row in of)
        named = dict(zip(("benchmark", "language", "domain", "kind"), group, strict=True))
        either = by["text"] + by["image"] - both
        made.append({**named, "questions": len(of), **by, "both": both, "percent": round(100 * either / len(of), 1)})
    return made


def _contamination(rows: list[Row], pairs: Pairs) -> Table:
    """Return a row for each model and sub-domain with labelled questions: accuracy with and without what overlaps."""
    seen = {(row["benchmark"], row["id"]) for row in rows if row["text"] or row["image"]}
    groups: dict[tuple[str, ...], list[tuple[float, bool]]] = defaultdict(list)
    for directories in pairs.values():
        counts = _counts(directories["grade"])
        for row in Shards(directories["grade"]).rows(["id", "language", "domain", "kind", "images", "score"]):
            if row["images"] == "shown" and row["score"] is not None:
                for group in _groups(row):
                    overlaps = (counts["benchmark"], row["id"]) in seen
                    groups[counts["benchmark"], *group, counts["model"]].append((row["score"], overlaps))
    made = []
    for group, scores in sorted(groups.items(), key=_all_first):
        clean = [score for score, overlaps in scores if not overlaps]
        named = dict(zip(("benchmark", "language", "domain", "kind", "model"), group, strict=True))
        means = {"accuracy": _percent([score for score, _ in scores]), "accuracy without": _percent(clean)}
        made.append({**named, "questions": len(scores), "overlapping": len(scores) - len(clean), **means})
    return made


def _groups(row: Row) -> tuple[tuple[str, ...], ...]:
    return (row["language"], row["domain"], row["kind"]), (row["language"], ALL, ALL)


def _all_first(item: tuple[tuple[str, ...], Any]) -> tuple[Any, ...]:
    (benchmark, language, domain, kind, *model), _ = item
    return benchmark, language, domain != ALL, domain, kind, *model


def _percent(scores: list[float]) -> float | None:
    return round(100 * sum(scores) / len(scores), 1) if scores else None


def _counts(directory: Path) -> dict[str, Any]:
    return read_manifest(directory)["counts"]  # type: ignore[no-any-return]


def said(counts: dict[str, Any]) -> str:
    """Return how much overlaps, in a sentence."""
    return (
        f"{counts['overlapping']:,} of {counts['input']:,} questions overlap with the {counts['conversations']:,} conversations "
        f"that the model was trained on: {counts['text']:,} by text, {counts['image']:,} by image."
    )


def headline(counts: dict[str, Any]) -> dict[str, int]:
    return {"questions": counts["input"], "overlapping": counts["overlapping"]}
