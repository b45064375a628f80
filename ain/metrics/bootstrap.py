"""Bootstrap intervals: how far a mean could lie elsewhere by the luck of the questions drawn."""

from collections.abc import Sequence

import numpy as np


def interval(
    scores: Sequence[float], level: float = 0.95, resamples: int = 2_000, seed: int = 0
) -> tuple[float, float, float]:
    """(mean, low, high) of scores by the percentile bootstrap."""
    values = np.asarray(scores, dtype=np.float64)
    if not len(values):
        return float("nan"), float("nan"), float("nan")
    drawn = np.random.default_rng(seed).integers(0, len(values), (resamples, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(values.mean()), float(low), float(high)


def paired(
    one: Sequence[float], other: Sequence[float], level: float = 0.95, resamples: int = 2_000, seed: int = 0
) -> tuple[float, float, float]:
    """(mean, low, high) of one - other, the same questions in the same order."""
    if len(one) != len(other):
        raise ValueError(f"paired scores differ in number: {len(one)} and {len(other)}")
    return interval(np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64), level, resamples, seed)  # type: ignore[arg-type]
