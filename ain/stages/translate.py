"""Translate: Arabic for each record that has only English (Section 2.1). What no translator could use is turned away here."""

from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa

from ain.storage.ledger import Ledger
from ain.storage.record import TURNS, Row, rejection
from ain.storage.shards import Shards
from ain.text import corruption
from ain.translator import Todo, Translations

# `corrupted` names the damage done on purpose, null where none was. A record that is already Arabic has a null translation.
SCHEMA = pa.schema([("id", pa.string()), ("arabic", TURNS), ("corrupted", pa.string())])


def translate(collect: Path, translator: Any, engine: Any, out: Path) -> dict[str, Any]:
    records, shards = Shards(collect), Shards(out, SCHEMA).create()
    todo = Todo(lambda: map(_todo, records.rows(["english", "arabic"])), records.count())
    translations = translator.run(todo, out, engine)
    others = _others(records) if translator.corrupt else []
    for index in range(len(records)):
        kept, rejected = [], []
        for record in records.read(index):
            row, reasons = _record(record, translations, translator.corrupt, others)
            if reasons:
                rejected.append(rejection(record["id"], reasons))
            else:
                kept.append(row)
        shards.write(index, kept, rejected)
    return {**_counts(records, shards), **translations.usage()}


def estimate(collect: Path | None, source: Any, translator: Any, output_dir: Path) -> list[str]:
    """What translating would take, for a dry run; from the source itself where nothing is collected yet."""
    if not hasattr(translator, "estimate"):
        return []
    collected = Shards(collect).rows(["english", "arabic"]) if collect else None
    rows = collected or (found.record for found in source.rows() if not found.reasons)
    known = output_dir / "ledger.sqlite"
    ledger = Ledger(known) if known.exists() else None
    return list(translator.estimate(map(_todo, rows), ledger).lines())


def _todo(record: Row) -> Row:
    return {"turns": [] if record.get("arabic") else record["english"]}


def _record(
    record: Row, made: Translations, shares: dict[str, float], others: list[list[dict[str, str]]]
) -> tuple[Row, list[str]]:
    if record["arabic"]:
        return {"id": record["id"], "arabic": None, "corrupted": None}, []
    arabic, reasons = made.of(_todo(record))
    kind = None
    if record["reference"] and shares and not reasons:  # never people's own data: it is not corrupted
        arabic, kind = corruption.record(shares, record["english"], arabic, others, Random(f"spoil {record['id']}"))
    return {"id": record["id"], "arabic": arabic, "corrupted": kind}, reasons


def _others(records: Shards) -> list[list[dict[str, str]]]:
    """References of other records, for corruption by mismatch."""
    return [row["reference"] for row in records.read(0, ["reference"]) if row["reference"]]


def _counts(records: Shards, shards: Shards) -> dict[str, Any]:
    already = sum(row["arabic"] is None for row in shards.rows(["arabic"]))
    corrupted = sum(row["corrupted"] is not None for row in shards.rows(["corrupted"]))
    counts = {"input": records.count(), "kept": shards.count(), "rejected": shards.count("rejected")}
    return {**counts, "already_arabic": already, "corrupted": corrupted}
