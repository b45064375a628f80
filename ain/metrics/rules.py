"""The rules of selection: (scores, thresholds) → reasons. A pure function, so that a sweep of thresholds recomputes nothing."""

import math
from collections.abc import Mapping
from typing import Any

Scores = list[float | None]

TRANSLATION_RULES = ("similarity", "digits", "script", "length")


def translation_reasons(scores: Mapping[str, Scores | None], thresholds: Mapping[str, Any]) -> list[str]:
    """Every reason against a translation, each beginning with its rule's name; a record is as good as its worst exchange.

    A threshold of null switches its rule off. A score of null is "not applicable" for checks; for similarity, which
    always applies, it holds the record back.
    """
    return [reason for rule in TRANSLATION_RULES if (reason := _reason(rule, scores.get(rule), thresholds.get(rule)))]


def _reason(rule: str, scores: Scores | None, threshold: Any) -> str | None:
    if threshold is None or threshold is False or scores is None:
        return None
    if rule == "similarity" and None in scores:
        return f"{rule}: not computed in exchange {scores.index(None) + 1}"
    found = [
        (_badness(rule, score), -number, f"{rule}: {wrong} in exchange {number}")
        for number, score in enumerate(scores, 1)
        if score is not None and (wrong := _wrong(rule, score, threshold))
    ]
    return max(found)[2] if found else None


def _badness(rule: str, score: float) -> float:
    """The greater, the worse: far from the original's length either way; for the other rules a low score."""
    return abs(math.log(max(score, 1e-9))) if rule == "length" else -score


def _wrong(rule: str, score: float, threshold: Any) -> str | None:
    if rule == "digits":
        return "numbers differ" if score < 1 else None
    if rule == "length":
        least, greatest = threshold
        return None if least <= score <= greatest else f"{score:.2f} times the original, outside {least} to {greatest}"
    return f"{score:.2f} below {threshold}" if score < threshold else None
