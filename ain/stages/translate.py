"""Translate: translate each record that is not in the translator's target language yet (Section 2.1).

A record without a usable translation is rejected here.
"""

from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from ain.storage.ledger import Ledger
from ain.storage.record import REJECTED, TURNS, Row, Turns, reference, rejection
from ain.storage.shards import Shards
from ain.text import corruption
from ain.translator import Todo, Translations

# In SCHEMA and REFUSED, turns and their language are null if the record is in the target language already. `corrupted` names the
# deliberate corruption, if any.
TITLE = "Translating"
SHOWN: dict[str, str] = {}
SCHEMA = pa.schema([("id", pa.string()), ("language", pa.string()), ("turns", TURNS), ("corrupted", pa.string())])
REFUSED = pa.schema([*REJECTED, ("language", pa.string()), ("turns", TURNS)])  # with the translation that was rejected


def translate(collect: Path, translator: Any, engine: Any, out: Path) -> dict[str, Any]:
    records, shards = Shards(collect), Shards(out, SCHEMA, REFUSED).create()
    target = translator.target
    todo = Todo(lambda: (_todo(row, target) for row in records.rows(["language", "turns"])), records.count())
    translations = translator.run(todo, out, engine)
    others = _others(records, target) if translator.corrupt else []
    for index in range(len(records)):
        kept, rejected = [], []
        for record in records.read(index):
            row, reasons = _record(record, target, translations, translator.corrupt, others)
            if reasons:
                candidate = row["turns"] if len(row["turns"]) == len(record["turns"]) else None
                rejected.append(rejection(record["id"], reasons) | {"language": target, "turns": candidate})
            else:
                kept.append(row)
        shards.write(index, kept, rejected)
    return {**_counts(records, shards), "target": target, **translations.usage()}


def estimate(collect: Path | None, source: Any, translator: Any, output_dir: Path) -> list[str]:
    """Return the estimate of translating, for a dry run; it reads the source itself if nothing is collected yet."""
    if not hasattr(translator, "estimate"):
        return []
    collected = Shards(collect).rows(["language", "turns"]) if collect else None
    rows = collected or (found.record for found in source.rows() if not found.reasons)
    return list(_estimate(rows, translator, output_dir).lines())


def _estimate(rows: Iterable[Row], translator: Any, output_dir: Path) -> Any:
    known = output_dir / "ledger.sqlite"
    ledger = Ledger(known) if known.exists() else None
    return translator.estimate((_todo(row, translator.target) for row in rows), ledger)


def check(collect: Path | None, translator: Any, out: Path) -> None:
    """Refuse a model that cannot answer any more, unless the ledger holds all its answers."""
    gone = getattr(translator, "gone", None)
    rows = Shards(collect).rows(["language", "turns"]) if gone and collect else None
    if gone and (rows is None or _estimate(rows, translator, out.parents[1]).requests):
        raise gone


def _todo(record: Row, target: str) -> Row:
    turns = [] if record["language"] == target else record["turns"]
    return {"language": record["language"], "turns": turns}


def _record(
    record: Row, target: str, made: Translations, shares: dict[str, float], others: list[Turns]
) -> tuple[Row, list[str]]:
    if record["language"] == target:
        return {"id": record["id"]}, []
    turns, reasons = made.of(_todo(record, target))
    kind = None
    if reference(record, target) and shares and not reasons:  # users' own data without references is never corrupted
        turns, kind = corruption.record(shares, record["turns"], turns, others, Random(f"spoil {record['id']}"))
    return {"id": record["id"], "language": target, "turns": turns, "corrupted": kind}, reasons


def _others(records: Shards, target: str) -> list[Turns]:
    """Return references of other records, for corruption by mismatch."""
    return [turns for row in records.read(0, ["references"]) if (turns := reference(row, target))]


def _counts(records: Shards, shards: Shards) -> dict[str, Any]:
    already = sum(row["turns"] is None for row in shards.rows(["turns"]))
    corrupted = sum(row["corrupted"] is not None for row in shards.rows(["corrupted"]))
    counts = {"input": records.count(), "kept": shards.count(), "rejected": shards.count("rejected")}
    return {**counts, "already_in_target": already, "corrupted": corrupted}


def said(counts: dict[str, Any]) -> str:
    """Return what a chat model's translations used, compared with one request per whole record."""
    if "naive_requests" not in counts:
        return ""
    money = (
        f" It cost ${counts['usd']:.4f}, estimated {counts['estimated_usd']:.4f}." if "estimated_usd" in counts else ""
    )
    return (
        f"Translating took {counts['requests']:,} requests with {counts['prompt_tokens']:,} tokens; record by record it would "
        f"have been {counts['naive_requests']:,} with about {counts['naive_prompt_tokens']:,}.{money}"
    )
