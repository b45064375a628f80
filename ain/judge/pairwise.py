"""Compare the open answers of two models: a judge is asked twice, with the answers in both orders.

It decides only where both orders agree; where they do not, the answers are a tie. So a judge that prefers what stands first
favours no model, and how often it does is reported.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ain.judge import Case, Verdict
from ain.judge.judging import case
from ain.metrics.outcomes import ENDED
from ain.storage.record import Row

TIE = "tie"


class Pair(NamedTuple):
    """The answers of two models to a question, as grade keeps them."""

    model: str
    other: str
    one: Row
    two: Row

    @property
    def decided(self) -> str | None:
        """Return who wins without a judge: equal answers are a tie, and no answer loses against one."""
        texts = [row["prediction"].strip() if row["finish"] in ENDED else "" for row in (self.one, self.two)]
        if texts[0] == texts[1]:
            return TIE
        return None if all(texts) else self.model if texts[0] else self.other

    def cases(self) -> tuple[Case, Case]:
        """Return what a judge is asked: the answers in this order, and in the other one."""
        row, other = self.one, self.two["prediction"]
        asked = case(row["question"], row["labels"], row["prediction"], row["language"], other)
        return asked, case(row["question"], row["labels"], other, row["language"], row["prediction"])

    def winner(self, verdicts: Sequence[Verdict]) -> str | None:
        """Return who wins by the verdicts on both orders; None if one of them is missing."""
        if any(verdict.score is None for verdict in verdicts):
            return None
        both = (verdicts[0].score, verdicts[1].score)
        return self.model if both == (1, 2) else self.other if both == (2, 1) else TIE


def paired(model: str, rows: Iterable[Row], other: str, others: Iterable[Row]) -> Iterator[Pair]:
    """Yield the open questions, with their own images, that two models were asked."""
    answers = {row["id"]: row for row in others if _is_open(row)}
    for row in rows:
        if _is_open(row) and row["id"] in answers:
            yield Pair(model, other, row, answers[row["id"]])


def _is_open(row: Row) -> bool:
    return row["images"] == "shown" and not row["options"] and not row["finish"].startswith("broken")
