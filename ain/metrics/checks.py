"""Checks of a translation that need no model: numbers, script, length."""

from ain.arabic import arabic_share
from ain.protect import numbers


def same_numbers(english: str, arabic: str) -> float | None:
    """1.0 where both texts hold the same numbers, 0.0 where not, None where neither has any."""
    one, other = numbers(english), numbers(arabic)
    return None if not one and not other else float(one == other)


def script(arabic: str) -> float | None:
    """The share of Arabic letters; None for a text without letters."""
    return arabic_share(arabic)


def length(english: str, arabic: str) -> float | None:
    """Characters of the translation for each of the original."""
    return len(arabic) / len(english) if english else None
