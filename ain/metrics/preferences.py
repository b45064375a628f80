"""Summarise choices of the best among several: shares with intervals, and Bradley-Terry strengths."""

from collections.abc import Sequence

import numpy as np

from ain.metrics.bootstrap import clustered

STEPS = 10_000  # at most, of the fit
Interval = tuple[float, float, float]  # value, low, high


def wilson(count: int, of: int, level: float = 0.95) -> Interval:
    """Return (share, low, high) with Wilson's score interval; not a number if there is nothing to count."""
    if not of:
        return float("nan"), float("nan"), float("nan")
    from scipy.stats import binomtest  # takes two seconds to import

    found = binomtest(count, of).proportion_ci(level, method="wilson")
    return count / of, float(found.low), float(found.high)


def shares(choices: Sequence[Sequence[int]], count: int) -> list[Interval]:
    """Return for each of `count` things the share of choices that it got, with a bootstrap interval over participants.
    choices: of each participant, the numbers of what was chosen."""
    given = [one for one in choices if len(one)]
    return [clustered([[float(chosen == thing) for chosen in one] for one in given]) for thing in range(count)]


def wins(chosen: int, shown: Sequence[int], count: int) -> np.ndarray:
    """Return the matrix of pairs that a choice decides: the chosen one beats each other one that was shown with it."""
    made = np.zeros((count, count))
    made[chosen, [thing for thing in shown if thing != chosen]] = 1
    return made


def bradley_terry(won: np.ndarray) -> np.ndarray:
    """Return strengths that sum to 1, of the Bradley-Terry model P(i beats j) = s_i / (s_i + s_j).

    won: [..., things, things], how often the first beat the second. The fit is Hunter's MM algorithm (Annals of
    Statistics 32, 2004), for all leading axes at once. What never won has strength 0, its maximum-likelihood value. A
    choice of the best among N counts as N - 1 pairs (`wins`), which says nothing about the order of the others.
    """
    met = won + np.swapaxes(won, -1, -2)
    total = won.sum(-1)
    strengths = np.where(total > 0, 1.0, 0.0)
    for _ in range(STEPS):
        pairs = strengths[..., :, None] + strengths[..., None, :]
        weights = np.divide(met, pairs, out=np.zeros_like(met), where=pairs > 0).sum(-1)
        new = np.divide(total, weights, out=np.zeros_like(total), where=weights > 0)
        new /= np.maximum(new.sum(-1, keepdims=True), 1e-300)
        if np.allclose(new, strengths, rtol=1e-9, atol=1e-12):
            break
        strengths = new
    return new


def strengths(won: np.ndarray, level: float = 0.95, resamples: int = 2_000, seed: int = 0) -> list[Interval]:
    """Return (strength, low, high) of each thing by the percentile bootstrap over participants. won: [participants,
    things, things]."""
    drawn = np.random.default_rng(seed).multinomial(len(won), np.full(len(won), 1 / len(won)), resamples)
    fits = bradley_terry(np.tensordot(drawn.astype(float), won, axes=1))
    low, high = np.quantile(fits, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return list(zip(bradley_terry(won.sum(0)).tolist(), low.tolist(), high.tolist(), strict=True))
