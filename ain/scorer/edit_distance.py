"""Compare texts by edit distance, as OCR is scored. Distances are rapidfuzz's."""

from collections.abc import Callable, Sequence

from rapidfuzz.distance import Levenshtein

from ain.scorer import Grade, best
from ain.text.normalise import normalise as normalised


def character_error_rate(answer: str, label: str, normalise: bool = True) -> float:
    """Return edits of characters over the label's length. It is above 1 where the answer is much longer; an empty label
    counts as one character."""
    one, other = (normalised(text) if normalise else text for text in (answer, label))
    return Levenshtein.distance(one, other) / max(1, len(other))


def word_error_rate(answer: str, label: str, normalise: bool = True) -> float:
    """Return edits of words over the label's words."""
    one, other = ((normalised(text) if normalise else text).split() for text in (answer, label))
    return Levenshtein.distance(one, other) / max(1, len(other))


def cer(
    answer: str,
    labels: Sequence[str],
    options: Sequence[str] = (),
    language: str = "en",
    *,
    normalise: bool = True,
) -> Grade:
    """Score 1 - character error rate, 0 at least."""
    return _best(answer, labels, lambda label: 1 - character_error_rate(answer, label, normalise), normalise)


def wer(
    answer: str,
    labels: Sequence[str],
    options: Sequence[str] = (),
    language: str = "en",
    *,
    normalise: bool = True,
) -> Grade:
    """Score 1 - word error rate, 0 at least."""
    return _best(answer, labels, lambda label: 1 - word_error_rate(answer, label, normalise), normalise)


def within(
    answer: str,
    labels: Sequence[str],
    options: Sequence[str] = (),
    language: str = "en",
    *,
    threshold: float = 0.3,
    normalise: bool = True,
) -> Grade:
    """Score 1 if the distance over the longer text's length is at most the threshold (CAMEL-Bench's OCR)."""
    return _best(answer, labels, lambda label: float(_distance(answer, label, normalise) <= threshold), normalise)


def anls(
    answer: str,
    labels: Sequence[str],
    options: Sequence[str] = (),
    language: str = "en",
    *,
    threshold: float = 0.5,
    normalise: bool = True,
) -> Grade:
    """Score 1 - distance over the longer text's length; 0 where the distance reaches the threshold (ANLS)."""

    def similarity(label: str) -> float:
        distance = _distance(answer, label, normalise)
        return 1 - distance if distance < threshold else 0.0

    return _best(answer, labels, similarity, normalise)


def _distance(answer: str, label: str, normalise: bool) -> float:
    one, other = (normalised(text) if normalise else text for text in (answer, label))
    return Levenshtein.normalized_distance(one, other)


def _best(answer: str, labels: Sequence[str], score: Callable[[str], float], normalise: bool) -> Grade:
    read = (normalised(answer) if normalise else answer) or None
    return best(answer, labels, lambda label: max(0.0, score(label)) if read else 0.0, read)
