"""Handle what is specific to Arabic: option letters, diacritics, adjectives with their feminine form."""

import re

from ain.text.languages import ARABIC, OPTIONS, script_ratio
from ain.text.normalise import DIACRITICS, normalise

# Colour adjectives, masculine → feminine.
FEMININE = {
    "أحمر": "حمراء",
    "أزرق": "زرقاء",
    "أخضر": "خضراء",
    "أصفر": "صفراء",
    "أسود": "سوداء",
    "بنفسجي": "بنفسجية",
}

_OPTION_OF = {
    **{normalise(c): i for i, c in enumerate(OPTIONS["Arabic"])},
    **{c.lower(): i for i, c in enumerate(OPTIONS["Latin"])},
    **{str(i + 1): i for i in range(5)},
}
_LEAD = re.compile(
    r"^\s*(?:(?:the\s+)?(?:correct\s+)?(?:answer|option)(?:\s+is)?|(?:ال)?(?:اجابه|اجابة|جواب|خيار)(?:\s+(?:الصحيحه|الصحيحة|الصحيح))?(?:\s+(?:هي|هو))?)\s*[::]?\s*",
    re.I,
)
_OPTION = re.compile(r"^[\s«\"'(\[]*([ابجده]|[A-Ea-e]|[1-5])(?=[\s.)\]:،,»\"'-]|$)")


def arabic_share(text: str) -> float | None:
    """Return the share of letters in Arabic script; None if there are no letters."""
    return script_ratio(text, "ar")


def diacritics_share(text: str) -> float | None:
    """Return the share of Arabic letters with a diacritic; None if there are no Arabic letters."""
    letters = sum(c.isalpha() for c in ARABIC.findall(text))
    return min(1.0, len(DIACRITICS.findall(text)) / letters) if letters else None


def option(text: str) -> int | None:
    """Return the option that an answer names, 0 for A or أ; None if it names none.

    Accepts «ب», «(ب)», "ب.", «هـ», "B) red", «الإجابة: أ», 2, ٢; a word that merely begins with such a letter is none.
    """
    plain = normalise(text)
    match = _OPTION.match(_LEAD.sub("", plain, count=1)) or _OPTION.match(plain)
    return _OPTION_OF[match[1].lower()] if match else None
