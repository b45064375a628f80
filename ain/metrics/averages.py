"""Average accuracies of several data sets into sub-domains, domains and a total, in two ways."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

TOTAL = "total"


class Accuracy(NamedTuple):
    """The accuracy of a data set in one sub-domain, in percent; None without a label. questions, labelled: numbers of them."""

    dataset: str
    domain: str
    kind: str
    accuracy: float | None
    questions: int
    labelled: int


def averages(found: Iterable[Accuracy]) -> list[dict[str, Any]]:
    """Return a row for each domain and one for the total.

    mean: data sets count alike in their sub-domain, sub-domains in their domain, domains in the total, as the Total of AIN's
    Table 1 is the mean of its eight domains. pooled: every labelled question counts alike. Where nothing is labelled, both
    are None, and such a domain is left out of the total.
    """
    rows = list(found)
    domains: dict[str, list[Accuracy]] = defaultdict(list)
    for one in rows:
        domains[one.domain].append(one)
    made = [{"domain": domain, "mean": _of_kinds(of), **_pooled(of)} for domain, of in domains.items()]
    means = [row["mean"] for row in made if row["mean"] is not None]
    return [*made, {"domain": TOTAL, "mean": _mean(means), **_pooled(rows)}]


def _of_kinds(rows: list[Accuracy]) -> float | None:
    kinds: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        if row.accuracy is not None:
            kinds[row.kind].append(row.accuracy)
    return _mean([sum(of) / len(of) for of in kinds.values()])


def _pooled(rows: list[Accuracy]) -> dict[str, Any]:
    labelled = sum(row.labelled for row in rows)
    right = sum(row.accuracy * row.labelled for row in rows if row.accuracy is not None)
    return {
        "pooled": round(right / labelled, 1) if labelled else None,
        "questions": sum(row.questions for row in rows),
        "labelled": labelled,
    }


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 1) if values else None


def accuracies(dataset: str, table: Iterable[dict[str, Any]]) -> Iterator[Accuracy]:
    """Yield the rows of a table of sub-domains, as `grade` writes it."""
    for row in table:
        numbers = (row[name] for name in ("accuracy", "questions", "labelled"))
        yield Accuracy(dataset, row["domain"], row["kind"], *numbers)
