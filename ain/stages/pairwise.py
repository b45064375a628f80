"""Pairwise: a judge says which of two models answers open questions better; every pair of `models` is compared.

Each question is judged twice, with the answers in both orders: ain/judge/pairwise.py. Questions with options are left out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa

from ain import UserError
from ain.judge import Judge, Verdict
from ain.judge.pairwise import TIE, Pair, paired
from ain.storage.ledger import Ledger
from ain.storage.manifest import read_manifest
from ain.storage.record import Row
from ain.storage.shards import SHARD_ROWS, Shards
from ain.storage.tables import Table, write_table

READ = ["id", "language", "images", "options", "question", "labels", "prediction", "finish"]
NAMES = ("benchmark", "language", "model", "other")
TEXT, SCORE = pa.string(), pa.int8()
SCHEMA = pa.schema(
    [
        ("id", TEXT),
        *((name, TEXT) for name in NAMES),
        ("winner", TEXT),
        ("by", TEXT),
        ("first", SCORE),
        ("swapped", SCORE),
    ]
    + [("fault", TEXT)]
)
TITLE = "Which model answers open questions better"
SHOWN = {
    "pairwise": "Open questions that `model` and `other` answered. A question is won if the judge says so in both orders of the "
    "answers; if the orders disagree, it is a tie. first, second: percent of the judged questions in which the judge chose the "
    "answer in this position both times. unjudged: without a usable verdict."
}
Pairs = dict[str, dict[str, Path]]  # model and benchmark → directory of grade


def pairwise(pairs: Pairs, judge: Judge, out: Path) -> dict[str, Any]:
    """Write who wins each question, with a table, and return the counts."""
    asked = list(_pairs(pairs))
    open_ones = [pair for _, pair in asked if pair.decided is None]
    cases = [case for pair in open_ones for case in pair.cases()]
    verdicts = iter(judge.verdicts(cases, out) if cases else ())
    rows = [
        _row(benchmark, pair, [] if pair.decided else [next(verdicts), next(verdicts)]) for benchmark, pair in asked
    ]
    shards = Shards(out, SCHEMA).create()
    for index, start in enumerate(range(0, len(rows) or 1, SHARD_ROWS)):
        shards.write(index, rows[start : start + SHARD_ROWS])
    table = _table(rows)
    write_table(out / "tables" / "pairwise.csv", table)
    return {
        "input": len(rows),
        "kept": len(rows),
        "rejected": 0,
        "judged": len(open_ones),
        "unjudged": sum(row["winner"] is None for row in rows),
        "wins": {_named(row): row["won"] for row in table},
        **(judge.usage() if open_ones else {}),
    }


def _pairs(pairs: Pairs) -> Iterator[tuple[str, Pair]]:
    """Yield the benchmark and the answers of all pairs of models."""
    models: dict[str, dict[str, Path]] = defaultdict(dict)
    for directories in pairs.values():
        counts = read_manifest(directories["grade"])["counts"]
        models[counts["benchmark"]][counts["model"]] = directories["grade"]
    for benchmark, of in models.items():
        for model, other in combinations(of, 2):
            for pair in paired(model, Shards(of[model]).rows(READ), other, Shards(of[other]).rows(READ)):
                yield benchmark, pair


def _row(benchmark: str, pair: Pair, verdicts: list[Verdict]) -> Row:
    made = {"id": pair.one["id"], "benchmark": benchmark, "language": pair.one["language"], "model": pair.model}
    made |= {
        "other": pair.other,
        "winner": pair.decided or pair.winner(verdicts),
        "by": "judge" if verdicts else "rules",
    }
    scores = dict(zip(("first", "swapped"), (verdict.score for verdict in verdicts), strict=False))
    fault = next((verdict.fault for verdict in verdicts if verdict.fault), None)
    return made | {"first": None, "swapped": None, "fault": fault} | scores


def _table(rows: list[Row]) -> Table:
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in NAMES)].append(row)
    return [dict(zip(NAMES, group, strict=True)) | _shares(of) for group, of in groups.items()]


def _shares(rows: list[Row]) -> Row:
    """Return the shares of wins, ties and losses in percent of all questions, and how the judge leans to a position."""
    winners: Counter[str | None] = Counter(row["winner"] for row in rows)
    judged = [(row["first"], row["swapped"]) for row in rows if row["by"] == "judge" and row["winner"]]
    return {
        "questions": len(rows),
        "won": _percent(winners[rows[0]["model"]], len(rows)),
        "tie": _percent(winners[TIE], len(rows)),
        "lost": _percent(winners[rows[0]["other"]], len(rows)),
        "unjudged": winners[None],
        "judged": len(judged),
        "first": _percent(judged.count((1, 1)), len(judged)),
        "second": _percent(judged.count((2, 2)), len(judged)),
    }


def _percent(count: int, of: int) -> float | None:
    return round(100 * count / of, 1) if of else None


def _named(row: Row) -> str:
    return f"{row['model']} against {row['other']}, {row['benchmark']} {row['language']}"


def check(pairs: Pairs, judge: Judge) -> None:
    """Refuse to compare without a judge, or a single model."""
    if not judge.compares:
        raise UserError(
            "judge=rules: rules compare no answers; choose judge=gpt_4o, gpt_6_luna, openai_compatible or local"
        )
    if judge.gone:
        raise judge.gone
    if len({label.split(", ")[0] for label in pairs}) < 2:
        raise UserError("models: pairwise compares two models or more; name them, as models=[base,tuned]")


def estimate(pairs: Pairs, judge: Judge, output_dir: Path) -> list[str]:
    """Return what judging would take, for a dry run."""
    if not judge.compares:
        return []
    if not all(directories["grade"] for directories in pairs.values()):
        return ["how many answers the judge compares, each twice, is known after ain grade"]
    cases = [case for _, pair in _pairs(pairs) if pair.decided is None for case in pair.cases()]
    ledger = output_dir / "ledger.sqlite"
    return judge.estimate(cases, Ledger(ledger) if ledger.exists() else None).lines()


def said(counts: dict[str, Any]) -> str:
    """Return how much was judged, in a sentence."""
    return (
        f"{counts['judged']:,} of {counts['input']:,} pairs of answers were judged, in both orders; the others are equal, or one "
        f"of them is missing. {counts['unjudged']:,} have no usable verdict."
    )


def headline(counts: dict[str, Any]) -> dict[str, float]:
    return {f"{name}, won": share for name, share in counts["wins"].items()}
