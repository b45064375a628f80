"""Judges of open answers: where rules find an answer wrong, a language model says whether it means what a label means.

Each is a class with `asks` (false: rules alone decide), `check` (answers to compare with rules), `compares`
(whether it compares pairs of answers) and

    verdicts(cases, out) -> a Verdict for each case

`labels` names a file with people's verdicts on answers, to compare with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ain import UserError
from ain.chat.estimate import Estimate
from ain.judge.people import read_verdicts
from ain.storage.digests import digest
from ain.storage.ledger import Ledger


@dataclass(frozen=True)
class Case:
    """An answer to judge, or two to compare."""

    question: str
    labels: tuple[str, ...]  # all right answers
    answer: str
    language: str
    other: str | None = None  # a second answer: which of both is better?

    @property
    def highest(self) -> int:
        """Return the highest score: 1, or 2 of a pair."""
        return 1 if self.other is None else 2


class Verdict(NamedTuple):
    """score: 1: right, 0: wrong; of a pair 1 or 2: the better answer, 0: both are equal. None: there is no usable verdict, and
    `fault` says why."""

    score: int | None
    fault: str | None = None


class Judge:
    """Settings of every judge."""

    asks = False
    check = 0
    compares = False  # whether it can say which of two answers is better

    def __init__(self, labels: str | None = None) -> None:
        self.labels = labels

    def digest(self) -> Any:
        """Return the digest of what affects verdicts and is not in the config: people's verdicts, a server."""
        return digest(sorted(map(str, read_verdicts(Path(self.labels))))) if self.labels else None

    @property
    def gone(self) -> UserError | None:
        """Why the judge cannot answer any more, or None."""
        return None

    def verdicts(self, cases: Sequence[Case], out: Path) -> list[Verdict]:
        """Judge all cases. out: the directory of the stage, under whose name the cost is recorded."""
        raise NotImplementedError

    def estimate(self, cases: Sequence[Case], ledger: Ledger | None) -> Estimate:
        """Estimate what it takes to judge those that are not in the ledger."""
        raise NotImplementedError

    def usage(self) -> dict[str, Any]:
        """Return the requests and the cost of judging, for the manifest."""
        return {}
