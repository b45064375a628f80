"""Measure how well a score separates good from poor translations: curves, thresholds, bootstrap intervals (Fig. 15)."""

from collections.abc import Callable

import numpy as np

Measure = Callable[[np.ndarray, np.ndarray], float]  # (scores of the good, scores of the poor) → a number


def auc(good: np.ndarray, poor: np.ndarray) -> float:
    """Return ROC-AUC: how often a good translation scores above a poor one. 0.5 means that the score tells nothing."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(*_labelled(good, poor)))


def average_precision(good: np.ndarray, poor: np.ndarray) -> float:
    """Return the area under the precision-recall curve of keeping good translations."""
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(*_labelled(good, poor)))


def roc(good: np.ndarray, poor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (share of poor kept, share of good kept), threshold by threshold."""
    from sklearn.metrics import roc_curve

    kept_poor, kept_good, _ = roc_curve(*_labelled(good, poor))
    return kept_poor, kept_good


def precision_recall(good: np.ndarray, poor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (precision, recall) of keeping good translations, threshold by threshold."""
    from sklearn.metrics import precision_recall_curve

    precision, recall, _ = precision_recall_curve(*_labelled(good, poor))
    return precision, recall


def separation(right: np.ndarray, wrong: np.ndarray) -> dict[str, float]:
    """Compare the scores of correct and mismatched pairs (Fig. 14): means, margin, ROC-AUC."""
    means = {
        "pairs_correct": right.mean(),
        "pairs_mismatched": wrong.mean(),
        "pairs_margin": right.mean() - wrong.mean(),
    }
    return {name: round(float(value), 4) for name, value in {**means, "pairs_auc": auc(right, wrong)}.items()}


def threshold_for(good: np.ndarray, false_rejection: float) -> float:
    """Return the highest threshold that rejects at most this share of good translations."""
    return float(np.sort(good)[int(false_rejection * len(good))])


def interval(
    measure: Measure, good: np.ndarray, poor: np.ndarray, level: float = 0.95, resamples: int = 500
) -> tuple[float, float, float]:
    """Return (value, low, high). Good and poor scores are resampled separately."""
    from scipy.stats import bootstrap

    found = bootstrap(
        (good, poor),
        measure,
        vectorized=False,
        method="percentile",
        confidence_level=level,
        n_resamples=resamples,
        batch=1,  # draw resamples of good and poor in turn
        rng=np.random.default_rng(0),
    ).confidence_interval
    return measure(good, poor), float(found.low), float(found.high)


def _labelled(good: np.ndarray, poor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.concatenate([np.ones(len(good)), np.zeros(len(poor))]), np.concatenate([good, poor])
