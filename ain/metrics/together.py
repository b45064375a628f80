"""Scores of benchmarks that take several questions together, as all about one image, or one in all orders of its options.

A metric takes graded answers, each with `score`, `group`, `domain` and `kind`, and returns name → number.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

Metric = Callable[[Sequence[dict[str, Any]]], dict[str, float]]


def rotations(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the percentage of questions that are answered right in all rotations of their options, as MMBench counts
    them. Questions that were asked in one order alone have no such number."""
    turned = len(_grouped(rows, "group")) < len(rows)
    return {"all rotations right": 100 * _all_right(rows)} if turned else {}


def mme(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return MME's scores of perception and cognition, and of each sub-task as `perception/existence`.

    That of a sub-task, 200 at most, is its accuracy plus the share of images with all questions right (accuracy+), both in
    percent; a sum over sub-tasks is 2,000 at most for perception, 800 for cognition (MME, Section 2.2).
    """
    tasks = {
        (domain, kind): 100 * (sum(row["score"] for row in of) / len(of) + _all_right(of))
        for (domain, kind), of in _grouped(rows, "domain", "kind").items()
    }
    totals: dict[str, float] = defaultdict(float)
    for (domain, _), score in tasks.items():
        totals[domain] += score
    return {**totals, **{f"{domain}/{kind}": score for (domain, kind), score in tasks.items()}}


def _all_right(rows: Sequence[dict[str, Any]]) -> float:
    groups = _grouped(rows, "group").values()
    return sum(all(row["score"] == 1 for row in of) for of in groups) / len(groups)


def _grouped(rows: Sequence[dict[str, Any]], *keys: str) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    made: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        made[tuple(row[key] for key in keys)].append(row)
    return made
