"""Show what verification catches: translations corrupted on purpose, by kind, against the rules that reject them."""

from collections import Counter
from pathlib import Path

from ain.metrics.rules import RULES
from ain.storage.record import reference
from ain.storage.shards import Shards
from ain.storage.tables import Table


def corrupted(collect: Path, translate: Path, broken: dict[str, set[str]]) -> Table:
    """Return the percentage of records that each rule rejects: one row per kind of corruption, one for good
    translations (equal to their reference) and one for other mistranslations. `encoder` counts similarity alone,
    `checks` the other rules alone. broken: id → rules.
    """
    kinds: dict[str, Counter[str]] = {}
    for index in range(len(Shards(translate))):
        references = Shards(collect).by_id(index, ["references"])
        for row in Shards(translate).read(index):
            trusted = reference(references[row["id"]], row["language"]) if row["turns"] else None
            if trusted:
                kind = row["corrupted"] or ("none (good)" if row["turns"] == trusted else "none (mistranslated)")
                _count(kinds.setdefault(kind, Counter()), broken.get(row["id"], set()))
    fired = [rule for rule in RULES if any(counts[rule] for counts in kinds.values())]
    return [_percent(kind, counts, fired) for kind, counts in sorted(kinds.items())]


def _count(counts: "Counter[str]", rules: set[str]) -> None:
    checks = bool(rules - {"similarity"})
    counts.update(rules)
    counts.update({"records": 1, "caught": bool(rules), "encoder": "similarity" in rules, "checks": checks})


def _percent(kind: str, counts: "Counter[str]", fired: list[str]) -> dict[str, object]:
    columns = ("caught", "encoder", "checks", *fired)
    shares = {name: round(100 * counts[name] / counts["records"], 1) for name in columns}
    return {"kind": kind, "records": counts["records"], **shares}
