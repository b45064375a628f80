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


def clustered(
    groups: Sequence[Sequence[float]], level: float = 0.95, resamples: int = 2_000, seed: int = 0
) -> tuple[float, float, float]:
    """(mean, low, high) of scores that come in groups, such as several questions about an image: groups are resampled."""
    if not groups:
        return float("nan"), float("nan"), float("nan")
    sums, sizes = np.array([sum(group) for group in groups]), np.array([len(group) for group in groups])
    drawn = np.random.default_rng(seed).integers(0, len(groups), (resamples, len(groups)))
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(sums.sum() / sizes.sum()), float(low), float(high)
