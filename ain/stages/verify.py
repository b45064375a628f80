"""Verify: score each translated turn; nothing is rejected here (Section 2.2).

A turn is scored as one text, the question with its answer, because the similarity of a lone «نعم» means nothing.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ain.metrics import checks
from ain.report import figures
from ain.storage.record import SCORES, Row
from ain.storage.shards import Shards
from ain.storage.tables import write_table
from ain.text.placeholders import turn_text
from ain.verifier import Pair, Similarities

CHECKS = (
    "digits",
    "placeholders",
    "min_script_ratio",
    "language",
    "max_latin_run",
    "max_repetition",
    "diacritics",
    "length",
)
SCHEMA = pa.schema([("id", pa.string()), ("similarity", SCORES), *((name, SCORES) for name in CHECKS)])
TITLE = "Similarity"
SHOWN = {"similarity": "Records by the similarity of the turn that is least like its original."}
SAMPLE = 128  # turns used to measure the drift of a faster backend


def verify(collect: Path, translate: Path, verifier: Any, engine: Any, out: Path) -> dict[str, Any]:
    translated, shards = Translated(collect, translate), Shards(out, SCHEMA, suffix="arrow").create()
    similarity = verifier.run(translated.pairs, out, engine)
    for index in range(len(translated)):
        if not shards.done(index):
            shards.write(index, list(scored(translated.shard(index), similarity)))
    if groups := _worst(translate, shards):
        figures.similarity(groups, out / "figures" / "similarity.png")
        write_table(out / "tables" / "similarity.csv", [_spread(name, values) for name, values in groups.items()])
    rows = shards.count()
    counts = {"input": rows, "kept": rows, "rejected": 0}
    sample = sorted({text for pair in islice(translated.pairs(), SAMPLE) for text in pair})
    drift = verifier.drift(sample) if sample and hasattr(verifier, "drift") else None
    return counts if drift is None else {**counts, "drift": drift}


def _worst(translate: Path, shards: Shards) -> dict[str, list[float]]:
    """Return the worst similarity of each record, separately for unchanged and for corrupted translations."""
    groups: dict[str, list[float]] = {}
    for index in range(len(shards)):
        translations = Shards(translate).by_id(index, ["corrupted"])
        for row in shards.read(index, ["id", "similarity"]):
            if row["similarity"]:
                name = "corrupted on purpose" if translations[row["id"]]["corrupted"] else "as translated"
                groups.setdefault(name, []).append(min(row["similarity"]))
    return groups


def _spread(name: str, values: list[float]) -> dict[str, Any]:
    tenth, median = (round(float(value), 3) for value in np.quantile(values, (0.1, 0.5)))
    return {"translations": name, "records": len(values), "a tenth is below": tenth, "median": median}


Translation = tuple[str, list[Row], list[Row], str, str]  # id, original turns, translated turns, their languages


class Translated:
    """Originals with their translations, shard by shard; turns are empty if a record was not translated."""

    def __init__(self, collect: Path, translate: Path) -> None:
        self.records, self.translations = Shards(collect), Shards(translate)

    def __len__(self) -> int:
        return len(self.records)

    def shard(self, index: int) -> list[Translation]:
        originals = self.records.by_id(index, ["language", "turns"])
        rows = self.translations.read(index, ["id", "language", "turns"])
        return [
            (row["id"], one["turns"] if row["turns"] else [], row["turns"] or [], one["language"], row["language"])
            for row in rows
            for one in [originals[row["id"]]]
        ]

    def pairs(self) -> Iterator[Pair]:
        for index in range(len(self)):
            for _, original, translation, *_ in self.shard(index):
                yield from zip(map(turn_text, original), map(turn_text, translation), strict=True)


def scored(rows: list[Translation], similarity: Similarities) -> Iterator[Row]:
    pairs = [[(turn_text(one), turn_text(other)) for one, other in zip(o, t, strict=True)] for _, o, t, *_ in rows]
    scores = iter(similarity.of([pair for of in pairs for pair in of]).tolist())
    for (identifier, original, translation, source, language), of in zip(rows, pairs, strict=True):
        row: Row = {"id": identifier, "similarity": list(islice(scores, len(of))) or None}
        checked = [
            _checks(*pair, tuple(one.values()), tuple(other.values()), source, language)
            for pair, one, other in zip(of, original, translation, strict=True)
        ]
        yield row | {name: [values[i] for values in checked] or None for i, name in enumerate(CHECKS)}


@lru_cache(10_000)
def _checks(
    original: str,
    translation: str,
    whole: tuple[str, ...],
    whole_translation: tuple[str, ...],
    source: str,
    language: str,
) -> tuple[float | None, ...]:
    """Return the checks' values in the order of CHECKS. Repeated turns come from the cache."""
    judged = checks.judged_text(whole, whole_translation)
    return (
        checks.same_numbers(original, translation, source, language),
        checks.same_placeholders(whole, whole_translation, language),
        checks.script_ratio(judged, language),
        checks.language(judged, language),
        checks.latin_run(judged, language),
        checks.repetition(original, translation),
        checks.diacritics(translation, language),
        checks.length(original, translation),
    )
