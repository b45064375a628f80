"""Arabic text: a named, versioned normaliser, digits, option letters, and how much of a text is Arabic script or diacritics."""

import re
import unicodedata

from ain.text.numbers import western_digits

NORMALISER = (
    "ain-arabic-1"  # bump with any change to `normalise`: scores made with it are not comparable across versions
)

_DIACRITICS = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]")
_LETTERS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ـ": None})
ARABIC = re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc]")

# Adjectives of colour, masculine → feminine.
FEMININE = {
    "أحمر": "حمراء",
    "أزرق": "زرقاء",
    "أخضر": "خضراء",
    "أصفر": "صفراء",
    "أسود": "سوداء",
    "بنفسجي": "بنفسجية",
}

ARABIC_OPTIONS = "أبجده"
LATIN_OPTIONS = "ABCDE"
_OPTION_OF = {
    **{c: i for i, c in enumerate("ابجده")},
    **{c: i for i, c in enumerate(LATIN_OPTIONS)},
    **{str(i + 1): i for i in range(5)},
}
_LEAD = re.compile(
    r"^\s*(?:(?:the\s+)?(?:correct\s+)?(?:answer|option)(?:\s+is)?|(?:ال)?(?:اجابه|اجابة|جواب|خيار)(?:\s+(?:الصحيحه|الصحيحة|الصحيح))?(?:\s+(?:هي|هو))?)\s*[::]?\s*",
    re.I,
)
_OPTION = re.compile(r"^[\s«\"'(\[]*([ابجده]|[A-Ea-e]|[1-5])(?=[\s.)\]:،,»\"'-]|$)")


def normalise(text: str) -> str:
    """The form in which Arabic texts are compared: compatibility forms unfolded, no diacritics or tatweel, one alif, one ya,
    western digits, single spaces, lower case. Ta marbuta and hamza on other seats stay: they distinguish words."""
    text = _DIACRITICS.sub("", unicodedata.normalize("NFKC", text)).translate(_LETTERS)
    return " ".join(western_digits(text).lower().split())


def arabic_share(text: str) -> float | None:
    """The share of letters that are in Arabic script; None where there are no letters."""
    letters = [c for c in text if c.isalpha()]
    return sum(bool(ARABIC.match(c)) for c in letters) / len(letters) if letters else None


def diacritics_share(text: str) -> float | None:
    """The share of Arabic letters that carry a diacritic; None where there are no Arabic letters."""
    letters = sum(c.isalpha() for c in ARABIC.findall(text))
    return min(1.0, len(_DIACRITICS.findall(text)) / letters) if letters else None


def option(text: str) -> int | None:
    """The option that an answer names, 0 for A or أ; None where it names none.

    Takes «ب», «(ب)», "ب.", «هـ», "B) red", «الإجابة: أ», 2, ٢; a word that merely begins with such a letter is no option.
    """
    plain = normalise(text)
    match = _OPTION.match(_LEAD.sub("", plain, count=1)) or _OPTION.match(plain)
    return _OPTION_OF[match[1].upper()] if match else None
