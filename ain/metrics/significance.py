"""Test paired differences: by how much chance alone could explain them, and how many were looked at."""

from collections.abc import Sequence

import numpy as np


def sign_flips(groups: Sequence[Sequence[float]], resamples: int = 9_999, seed: int = 0) -> float:
    """Return the two-sided p-value of paired differences in groups, such as several questions about one image.

    If nothing differs, each group's sum is as likely to have the other sign. All signs are tried if there are at most
    `resamples`, else that many at random, so no p-value is below 2 / (resamples + 1). Without any difference, or with one
    in a single group, it is 1: both signs are as extreme.
    """
    sums = np.array([sum(group) for group in groups], dtype=np.float64)
    sums = sums[sums != 0]  # their sign changes nothing
    if len(sums) < 2:
        return 1.0
    from scipy.stats import permutation_test  # takes two seconds to import

    found = permutation_test(
        (sums,),
        np.sum,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, 4_000_000 // len(sums)),
        alternative="two-sided",
        rng=np.random.default_rng(seed),
    )
    return min(1.0, float(found.pvalue))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values corrected for their number by Holm's step-down method, in the same order.

    Rejecting those below 0.05 makes a single wrong rejection among all of them at most 5 % likely.
    """
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected
