"""How far the grades of answers by rules, a judge and people agree."""

from collections.abc import Collection, Iterable, Sequence
from hashlib import blake2b
from heapq import nsmallest
from typing import NamedTuple

from ain.metrics.agreement import cohens_kappa
from ain.storage.tables import Table

Name = tuple[str, ...]  # of an answer


class Graded(NamedTuple):
    """Whether an answer is right (1) or wrong (0), by each that says so. judge: None: not asked, or no usable verdict."""

    rules: int
    grade: int  # what counts
    judge: int | None = None
    asked: bool = False  # whether the judge was
    people: int | None = None


def drawn(names: Iterable[Name], count: int) -> list[Name]:
    """Return so many names, drawn at random but always the same."""
    return nsmallest(count, names, key=lambda name: blake2b("\n".join(name).encode(), digest_size=8).digest())


def sample(right: Collection[Name], wrong: Collection[Name], count: int) -> list[Name]:
    """Draw so many answers, half of them right if there are as many; where one side has too few, the other has more."""
    of_right = min(len(right), max(count // 2, count - len(wrong)))
    return drawn(right, of_right) + drawn(wrong, count - of_right)


def agreement(graded: Sequence[Graded], checked: Sequence[Graded]) -> Table:
    """Return the agreement of the judge with rules, over the answers that were drawn to check it, and of all with people.

    rules: what the rules say of these answers, where those that they find right and wrong are apart. agree: percent; an
    answer that was asked about and has no usable verdict agrees with nothing. kappa: Cohen's.
    """
    made: Table = []
    for rules, score in (("right", 1), ("wrong", 0)):
        made += _row("judge", "rules", rules, [(one.judge, score) for one in checked if one.rules == score])
    said = [one for one in graded if one.people is not None]
    made += _row("rules", "people", None, [(one.rules, one.people) for one in said])
    made += _row("judge", "people", None, [(one.judge, one.people) for one in said if one.asked])
    made += _row("grade", "people", None, [(one.grade, one.people) for one in said])
    return made


def _row(who: str, against: str, rules: str | None, pairs: Sequence[tuple[int | None, int | None]]) -> Table:
    if not pairs:
        return []
    agree = round(100 * sum(one == other for one, other in pairs) / len(pairs), 1)
    kappa = cohens_kappa(pairs) if rules is None else None
    row = {"who": who, "against": against, "rules": rules, "answers": len(pairs), "agree": agree}
    return [{**row, "kappa": None if kappa is None else round(kappa, 3)}]
