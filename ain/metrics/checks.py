"""Checks of a translation that need no model to speak of. Each is a pure function of the two texts.

None means "does not apply": a text without numbers says nothing about numbers.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from ain.text.arabic import arabic_share, diacritics_share
from ain.text.numbers import numbers
from ain.text.placeholders import lost, pieces

_LATIN_RUN = re.compile(r"[A-Za-z][\w'’-]*(?:[ ,]+[A-Za-z][\w'’-]*)*")
_WORD = re.compile(r"\w+")
_ARABIC = ("ar", "ary", "arz")  # Moroccan and Egyptian are told apart, and short texts fall to them by chance


def same_numbers(english: str, arabic: str) -> float | None:
    """1.0 where both texts hold the same numbers, 0.0 where not, None where neither has any."""
    one, other = numbers(english), numbers(arabic)
    return None if not one and not other else float(one == other)


def same_placeholders(english: Iterable[str], arabic: Iterable[str]) -> float | None:
    """1.0 where every placeholder, URL, code and option letter came through, 0.0 where one did not, None where there is none."""
    pairs = list(zip(english, arabic, strict=True))
    if not any(not piece.language and any(map(str.isalnum, piece.text)) for one, _ in pairs for piece in pieces(one)):
        return None
    return float(all(lost(one, other) is None for one, other in pairs))


def script(arabic: str) -> float | None:
    """The share of Arabic letters; None for a text without letters."""
    return arabic_share(arabic)


def length(english: str, arabic: str) -> float | None:
    """Characters of the translation for each of the original."""
    return len(arabic) / len(english) if english else None


def latin(arabic: str) -> float:
    """How many Latin words stand in a row at most: a name is one or two, a phrase that was left in is more."""
    return float(max((len(_WORD.findall(run)) for run in _LATIN_RUN.findall(arabic)), default=0))


def repetition(english: str, arabic: str) -> float | None:
    """The share of three-word sequences that came before in the text, beyond what the original repeats; None for short texts."""
    made = _repeated(arabic)
    return None if made is None else max(0.0, made - (_repeated(english) or 0.0))


def _repeated(text: str) -> float | None:
    words = _WORD.findall(text.lower())
    runs = list(zip(words, words[1:], words[2:], strict=False))
    return 1 - len(set(runs)) / len(runs) if len(runs) > 2 else None


def diacritics(arabic: str) -> float | None:
    """The share of Arabic letters that carry a diacritic; None for a text without Arabic letters."""
    return diacritics_share(arabic)


def language(arabic: str) -> float | None:
    """The probability that a text is Arabic, varieties included, and not Persian, Urdu or English; by py3langid."""
    if not any(map(str.isalpha, arabic)):
        return None
    return sum(float(share) for name, share in _identifier().rank(arabic) if name in _ARABIC)


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
