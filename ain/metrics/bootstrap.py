"""Compute bootstrap intervals: how much a mean depends on which questions were drawn."""

from collections.abc import Sequence
from typing import Any

import numpy as np

DRAWN_AT_ONCE = 500_000  # scores in memory; the result does not depend on it


def interval(
    scores: Sequence[float], level: float = 0.95, resamples: int = 2_000, seed: int = 0
) -> tuple[float, float, float]:
    """Return (mean, low, high) of scores by the percentile bootstrap."""
    return clustered([[score] for score in scores], level, resamples, seed)


def clustered(
    groups: Sequence[Sequence[float]], level: float = 0.95, resamples: int = 2_000, seed: int = 0
) -> tuple[float, float, float]:
    """Return (mean, low, high) of grouped scores, such as several questions about one image. Groups are resampled."""
    if not groups:
        return float("nan"), float("nan"), float("nan")
    sums = np.array([sum(group) for group in groups], dtype=np.float64)
    sizes = np.array([len(group) for group in groups])
    mean = float(_mean(sums, sizes, axis=0))
    if len(groups) == 1:  # every resample is the same
        return mean, mean, mean
    from scipy.stats import bootstrap  # takes two seconds to import

    found = bootstrap(
        (sums, sizes),
        _mean,
        paired=True,
        vectorized=True,
        method="percentile",
        confidence_level=level,
        n_resamples=resamples,
        batch=max(1, DRAWN_AT_ONCE // len(groups)),
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return mean, float(found.low), float(found.high)


def _mean(sums: Any, sizes: Any, axis: int) -> Any:
    return sums.sum(axis=axis) / sizes.sum(axis=axis)
