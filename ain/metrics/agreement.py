"""Summarise ratings by several raters: their mean and their agreement."""

from collections.abc import Mapping, Sequence
from typing import Literal

from ain.metrics.bootstrap import interval


def rated(ratings: Mapping[str, Mapping[str, float]]) -> tuple[float, float, float]:
    """Return (mean, low, high) of the items' mean ratings, by bootstrap over items. ratings: rater → item → 0 to 1."""
    items = {item for given in ratings.values() for item in given}
    means = []
    for item in sorted(items):
        given = [ratings[rater][item] for rater in ratings if item in ratings[rater]]
        means.append(sum(given) / len(given))
    return interval(means)


def alpha(
    ratings: Mapping[str, Mapping[str, float]], level: Literal["interval", "nominal"] = "interval"
) -> float | None:
    """Return Krippendorff's alpha; None if no item has two ratings or all such ratings are equal. level: whether ratings
    are measures, or numbers of categories."""
    import krippendorff
    import numpy as np

    items = sorted({item for given in ratings.values() for item in given})
    table = np.array([[given.get(item, np.nan) for item in items] for given in ratings.values()], dtype=float)
    shared = (~np.isnan(table)).sum(axis=0) > 1 if len(table) > 1 else np.array([False])
    if not shared.any() or len(np.unique(table[:, shared][~np.isnan(table[:, shared])])) < 2:
        return None
    return float(krippendorff.alpha(reliability_data=table, level_of_measurement=level))


def cohens_kappa(pairs: Sequence[tuple[int | None, int | None]]) -> float | None:
    """Return Cohen's kappa of two raters' verdicts on the same things, where None is a verdict of its own; None if it is
    undefined, because both give one and the same verdict throughout."""
    from sklearn.metrics import cohen_kappa_score

    one, other = ([-1 if verdict is None else verdict for verdict in given] for given in zip(*pairs, strict=True))
    return None if len({*one, *other}) < 2 else float(cohen_kappa_score(one, other))
