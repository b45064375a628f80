"""Score answers to multiple-choice questions."""

from collections.abc import Sequence
from typing import Literal

from ain.scorer import Grade, best
from ain.text.choice_marks import folded
from ain.text.choices import chosen


def option(
    answer: str,
    labels: Sequence[str],
    options: Sequence[str] = (),
    language: str = "en",
    *,
    label: Literal["letter", "index0", "index1", "text"] = "letter",
) -> Grade:
    """Score 1 if the answer chooses a label's option. What is parsed is the option's Latin letter.

    label: what labels are. "letter": a letter of either script, otherwise the option's text or its number; "text": the
    option's text, otherwise a letter; "index0" and "index1": a number that counts from 0 or 1, which is no answer.
    """
    index = chosen(answer, options)
    parsed = None if index is None else _letter(index)
    if label in ("index0", "index1"):
        wanted = {_number(text) - (label == "index1") for text in labels}
        return Grade(float(index in wanted), parsed)
    by_text = [folded(text) for text in options] if label == "text" else []

    def right(text: str) -> float:
        own = folded(text)
        wanted = by_text.index(own) if own in by_text else chosen(text, options)
        return float(index is not None and index == wanted)

    return best(answer, labels, right, parsed)


def _number(label: str) -> int:
    return int(label) if label.strip().isdecimal() else -1


def _letter(index: int) -> str:
    """Return the Latin letter of an option, or its number beyond Z."""
    return chr(ord("A") + index) if index < 26 else str(index + 1)
