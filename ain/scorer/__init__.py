"""Score answers by rule. A scorer takes an answer, all right labels and the options' texts, and returns a Grade."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Grade:
    """score: 0 to 1. parsed: what was read from the answer, such as an option's Latin letter or a number; None if
    nothing could be read."""

    score: float
    parsed: str | None


Scorer = Callable[..., Grade]  # (answer, labels, options=(), language="en"); its settings are keyword-only


def best(answer: str, labels: Sequence[str], score: Callable[[str], float], parsed: str | None) -> Grade:
    """Grade by the label that fits best. An empty answer scores 0; one that is a label word by word scores 1."""
    given = answer.strip()
    if not given:
        return Grade(0.0, None)
    same = any(given == label.strip() for label in labels)
    value = 1.0 if same else max(map(score, labels), default=0.0)
    return Grade(value, given if same and parsed is None else parsed)
