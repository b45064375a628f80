"""Compare whole texts and find labels in answers."""

from collections.abc import Sequence
from typing import Literal

from ain.scorer import Grade, best
from ain.text.normalise import normalise
from ain.text.phrases import phrase, words


def compared(text: str) -> str:
    """Return a text as `exact` compares it: normalised, with western punctuation, without a final full stop or comma."""
    return normalise(text, western_punctuation=True).rstrip(".,")


def exact(answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "en") -> Grade:
    """Score 1 if the answer equals a label once both are normalised."""
    given = compared(answer)
    return best(answer, labels, lambda label: float(bool(given) and given == compared(label)), given or None)


def contains(
    answer: str,
    labels: Sequence[str],
    options: Sequence[str] = (),
    language: str = "en",
    *,
    mode: Literal["word", "substring"] = "word",
    prefixes: bool = True,
) -> Grade:
    """Score 1 if a label occurs in the answer, as whole words or as any part of the text. What is parsed is that label.

    prefixes: in Arabic, whole words may carry «و ف ب ل ك ال».
    """
    given = " ".join(words(answer))
    text = compared(answer)

    def occurs(label: str) -> bool:
        if mode == "word":
            return bool(phrase(label, prefixes).search(given))
        return bool(compared(label)) and compared(label) in text

    found = next((label for label in labels if occurs(label)), None)
    return best(answer, labels, lambda label: float(label == found), (text or None) if found is None else found)


any_of = contains  # each of several labels counts for every scorer; a benchmark may say so by this name
