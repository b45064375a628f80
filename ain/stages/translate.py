"""Translate: translate each record that is not in the translator's target language yet (Section 2.1).

A record without a usable translation is rejected here.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from ain import UserError
from ain.review.attempts import Attempts
from ain.storage.ledger import Ledger
from ain.storage.record import REJECTED, TURNS, Row, Turns, reference, rejection
from ain.storage.shards import Shards
from ain.text import corruption
from ain.translator import Todo

# In SCHEMA and REFUSED, turns and their language are null if the record is in the target language already. `corrupted` names the
# deliberate corruption, if any.
TITLE = "Translating"
SHOWN: dict[str, str] = {}
SCHEMA = pa.schema([("id", pa.string()), ("language", pa.string()), ("turns", TURNS), ("corrupted", pa.string())])
REFUSED = pa.schema([*REJECTED, ("language", pa.string()), ("turns", TURNS)])  # with the translation that was rejected


def translate(collect: Path, translator: Any, engine: Any, out: Path, retry: Attempts | None = None) -> dict[str, Any]:
    """retry: the records whose translation is asked for again, instead of taken from earlier answers."""
    records, shards = Shards(collect), Shards(out, SCHEMA, REFUSED).create()
    target, attempts = translator.target, retry.attempts if retry else {}
    columns = ["id", "language", "turns"]
    todo = Todo(lambda: (_todo(row, target, attempts) for row in records.rows(columns)), records.count())
    translations = translator.run(todo, out, engine)
    others = _others(records, target) if translator.corrupt else []
    for index in range(len(records)):
        kept, rejected = [], []
        for record in records.read(index):
            turns, reasons = translations.of(_todo(record, target, attempts))
            row = _record(record, target, turns, {} if reasons else translator.corrupt, others)
            if reasons:
                candidate = row["turns"] if len(row["turns"]) == len(record["turns"]) else None
                rejected.append(rejection(record["id"], reasons) | {"language": target, "turns": candidate})
            else:
                kept.append(row)
        shards.write(index, kept, rejected)
    again = {"asked_again": len(attempts)} if retry else {}
    return {**_counts(records, shards), "target": target, **again, **translations.usage()}


def estimate(collect: Path | None, source: Any, translator: Any, retry: Attempts | None, output_dir: Path) -> list[str]:
    """Return the estimate of translating, for a dry run; it reads the source itself if nothing is collected yet."""
    if not hasattr(translator, "estimate"):
        return []
    collected = Shards(collect).rows(["id", "language", "turns"]) if collect else None
    rows = collected or (found.record for found in source.rows() if not found.reasons)
    return list(_estimate(rows, translator, retry, output_dir).lines())


def _estimate(rows: Iterable[Row], translator: Any, retry: Attempts | None, output_dir: Path) -> Any:
    known, attempts = output_dir / "ledger.sqlite", retry.attempts if retry else {}
    ledger = Ledger(known) if known.exists() else None
    return translator.estimate((_todo(row, translator.target, attempts) for row in rows), ledger)


def check(collect: Path | None, translator: Any, retry: Attempts | None, out: Path) -> None:
    """Refuse a model that cannot answer any more, unless the ledger holds all its answers, and one that would answer the
    same again."""
    if retry:
        check_again(translator)
    gone = getattr(translator, "gone", None)
    rows = Shards(collect).rows(["id", "language", "turns"]) if gone and collect else None
    if gone and (rows is None or _estimate(rows, translator, retry, out.parents[1]).requests):
        raise gone


def check_again(translator: Any) -> None:
    """Refuse a translator that would give the same answers."""
    if translator.deterministic:
        raise UserError(
            "retry: this translator always gives the same answer to the same text; choose another model with "
            "translator=..., or correct what was rejected by hand, with overrides=FILE"
        )


def again(out: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the records without a usable translation, with select's words for the reasons."""
    for row in Shards(out).rows(["id", "reasons"], "rejected"):
        yield row["id"], [f"translation: {reason}" for reason in row["reasons"]]


def _todo(record: Row, target: str, attempts: Mapping[str, int]) -> Row:
    turns = [] if record["language"] == target else record["turns"]
    return {"language": record["language"], "turns": turns, "attempt": attempts.get(record["id"], 0)}


def _record(record: Row, target: str, turns: Turns, shares: dict[str, float], others: list[Turns]) -> Row:
    if record["language"] == target:
        return {"id": record["id"]}
    kind = None
    if reference(record, target) and shares:  # users' own data without references is never corrupted
        turns, kind = corruption.record(shares, record["turns"], turns, others, Random(f"spoil {record['id']}"))
    return {"id": record["id"], "language": target, "turns": turns, "corrupted": kind}


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
