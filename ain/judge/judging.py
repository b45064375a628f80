"""Grade one model's answers by rules and a judge. Rules come first: what they find right is right; the judge decides the rest."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from ain.benchmark import Benchmark
from ain.chat.estimate import Estimate
from ain.judge import Case, Judge, Verdict
from ain.judge.agreement import Graded, Name, agreement, sample
from ain.judge.people import read_verdicts
from ain.metrics.outcomes import ENDED
from ain.report.texts import bare
from ain.storage.ledger import Ledger
from ain.storage.record import Row
from ain.storage.tables import write_table

COLUMNS = {
    "graded_by": pa.string(),  # rules | judge; null without a label
    "rules": pa.float32(),  # the score by the rules
    "judge": pa.float32(),  # the judge's verdict, 1 or 0, also on answers that rules graded and that were drawn as a check
    "fault": pa.string(),  # why the judge was asked and has no verdict
}


class Judging:
    """model: whose answers are graded."""

    def __init__(self, judge: Judge, benchmark: Benchmark, model: str) -> None:
        said = read_verdicts(Path(judge.labels)) if judge.labels else []
        self._people = {one.id: one.score for one in said if one.model in (model, None)}
        self._judge, self._asks = judge, judge.asks and benchmark.judged
        self._verdicts: dict[Name, Verdict] = {}
        self._checked: set[Name] = set()

    def ask(self, rows: Iterable[Row], out: Path) -> None:
        """Ask the judge about some of the answers, which rules have graded. out: the stage's directory."""
        if self._asks:
            cases = self._chosen(rows)
            self._verdicts = dict(zip(cases, self._judge.verdicts(list(cases.values()), out), strict=True))

    def estimate(self, rows: Iterable[Row], ledger: Path) -> Estimate:
        return self._judge.estimate(list(self._chosen(rows).values()), Ledger(ledger) if ledger.exists() else None)

    def graded(self, row: Row) -> Row:
        """Return an answer with its grade. One that is the judge's to grade scores 0 if there is no usable verdict."""
        verdict = self._verdicts.get(_name(row))
        if verdict is None:
            return row
        row = {**row, "judge": verdict.score, "fault": verdict.fault}
        return row if row["rules"] == 1 else {**row, "graded_by": "judge", "score": float(verdict.score or 0)}

    def counts(self, rows: Iterable[Row], out: Path) -> dict[str, Any]:
        """Write tables of who agrees and of answers without a verdict. Return the judge's share, cost and agreement."""
        scored = [row for row in rows if row["score"] is not None]
        graded = {_name(row): self._compared(row) for row in scored}
        agreed = agreement(list(graded.values()), [one for name, one in graded.items() if name in self._checked])
        if agreed:
            write_table(out / "tables" / "agreement.csv", agreed)
        counts: dict[str, Any] = {"agreement": _flat(agreed)} if agreed else {}
        if not self._asks:
            return counts
        judged = [row for row in scored if row["graded_by"] == "judge"]
        unjudged = [{"id": row["id"], "images": row["images"], "why": row["fault"]} for row in judged if row["fault"]]
        if unjudged:
            write_table(out / "tables" / "unjudged.csv", unjudged)
        share = round(100 * len(judged) / len(scored), 1) if scored else 0.0
        return {
            "judged": len(judged),
            "judged_percent": share,
            "unjudged": len(unjudged),
            **self._judge.usage(),
            **counts,
        }

    def _chosen(self, rows: Iterable[Row]) -> dict[Name, Case]:
        """Choose the answers to judge: those that rules do not find right, a sample to check the judge by, and those that
        people have judged."""
        cases, right, wanted = dict[Name, Case](), set[Name](), set[Name]()
        for row in rows:
            if row.get("rules") is not None and row["finish"] in ENDED and row["prediction"].strip():
                name = _name(row)
                cases[name] = case(row["question"], row["labels"], row["prediction"], row["language"])
                (right if row["rules"] == 1 else wanted).add(name)
                if self._said(row) is not None:
                    wanted.add(name)
        self._checked = set(sample(right, cases.keys() - right, self._judge.check))
        return {name: case for name, case in cases.items() if name in wanted | self._checked}

    def _said(self, row: Row) -> int | None:
        """Return what people say about an answer, which is one to the question with its own images."""
        return self._people.get(row["id"]) if row["images"] == "shown" else None

    def _compared(self, row: Row) -> Graded:
        judge = None if row["judge"] is None else int(row["judge"])
        return Graded(
            int(row["rules"] == 1), int(row["score"] == 1), judge, _name(row) in self._verdicts, self._said(row)
        )


def _name(row: Row) -> Name:
    return row["id"], row["images"]


def case(question: str, labels: Iterable[str], answer: str, language: str, other: str | None = None) -> Case:
    """Return an answer as the judge sees it: with the first line of the question, as CAMEL-Bench's judge sees it."""
    lines = bare(question).splitlines()
    return Case(lines[0].strip() if lines else "", tuple(labels), answer, language, other)


def _flat(agreed: list[Row]) -> dict[str, float]:
    """Return the table's percentages and kappas by name, for metrics."""
    made: dict[str, float] = {}
    for row in agreed:
        name = f"{row['who']}_{row['against']}" + (f"_{row['rules']}" if row["rules"] else "")
        made |= {f"{name}_percent": row["agree"]} | ({} if row["kappa"] is None else {f"{name}_kappa": row["kappa"]})
    return made
