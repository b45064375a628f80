"""Select: the one stage that judges. Thresholds on the scores of verify and the verdicts of screen, nothing computed anew.

A rejection for its translation alone leaves the original usable (`original_usable`): the English of a badly translated
record may still serve the English part of a mixture. An unsafe picture rules out all of a record.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from ain.metrics.rules import TRANSLATION_RULES, translation_reasons
from ain.record import REJECTED, Row, Shards, rejection
from ain.screener.verdict import CATEGORIES
from ain.stage import read_manifest
from ain.tables import write_table

SCHEMA = pa.schema([("id", pa.string())])
REFUSED = REJECTED.append(pa.field("original_usable", pa.bool_()))


def select(
    collect: Path, translate: Path | None, verify: Path | None, screen: Path, thresholds: dict[str, Any], out: Path
) -> dict[str, Any]:
    records, shards = Shards(collect), Shards(out, SCHEMA, REFUSED).create()
    screened = read_manifest(screen)["counts"]["computed"]
    unsafe = _unsafe(screen) if thresholds.get("unsafe") and screened else {}
    rules: Counter[str] = Counter()
    alone: Counter[str] = Counter()
    for index in range(len(records)):
        scores = Shards(verify).by_id(index) if verify else {}
        untranslated = Shards(translate).by_id(index, ["reasons"], "rejected") if translate else {}
        kept, rejected = [], []
        for record in records.read(index, ["id", "images"]):
            reasons = _of_translation(record["id"], scores, untranslated, thresholds)
            pictures = [unsafe[sha] for sha in record["images"] if sha in unsafe]
            if not reasons and not pictures:
                kept.append({"id": record["id"]})
                continue
            rejected.append({**rejection(record["id"], reasons + pictures), "original_usable": not pictures})
            names = {reason.split(":")[0] for reason in reasons + pictures}
            rules.update(names)
            alone.update(names if len(names) == 1 else ())
        shards.write(index, kept, rejected)
    write_table(
        out / "tables" / "rules.csv",
        [{"rule": rule, "records": count, "by this rule alone": alone[rule]} for rule, count in rules.most_common()],
    )
    off = [rule for rule in TRANSLATION_RULES if not verify or thresholds.get(rule) is None]
    off += [] if screened and thresholds.get("unsafe") else ["unsafe"]
    return {
        "input": records.count(),
        "kept": shards.count(),
        "rejected": shards.count("rejected"),
        "rules": dict(rules),
        "not_applied": off,
    }


def _of_translation(
    identifier: str, scores: dict[str, Row], untranslated: dict[str, Row], thresholds: dict[str, Any]
) -> list[str]:
    if identifier in untranslated:
        return [f"translation: {reason}" for reason in untranslated[identifier]["reasons"]]
    return translation_reasons(scores[identifier], thresholds) if identifier in scores else []


def _unsafe(screen: Path) -> dict[str, str]:
    """sha256 → reason, for the pictures to leave out: called unsafe, or without a verdict that could be read."""
    rows = Shards(screen).rows(["sha256", "rating", "category"])
    return {
        row["sha256"]: f"unsafe: {row['category']} {CATEGORIES[row['category']]}"
        if row["rating"]
        else "unsafe: no readable verdict, held back for review"
        for row in rows
        if row["rating"] != "Safe"
    }
