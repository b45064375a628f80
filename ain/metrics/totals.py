"""Recompute what a table says about its own numbers: means, sums, differences, wins."""

from collections.abc import Sequence
from typing import Literal

Kind = Literal["mean", "sum", "difference", "wins"]


def combined(kind: Kind, values: Sequence[float | None]) -> float | None:
    """Return the mean, sum or difference (first minus second) of the values; None if one of them is unknown."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    if kind == "mean":
        return sum(known) / len(known)
    return sum(known) if kind == "sum" else known[0] - known[1]


def wins(first: Sequence[float | None], second: Sequence[float | None]) -> int:
    """Return in how many columns the first row is greater."""
    return sum(a is not None and b is not None and a > b for a, b in zip(first, second, strict=True))


def agree(printed: float, found: float, decimals: int) -> bool:
    """Return whether a printed number equals a recomputed one, up to rounding in its last decimal."""
    return abs(printed - found) <= 0.6 * 10**-decimals
