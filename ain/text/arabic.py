"""Handle what is specific to Arabic: diacritics, adjectives with their feminine form."""

from ain.text.languages import ARABIC, script_ratio
from ain.text.normalise import DIACRITICS

# Colour adjectives, masculine → feminine.
FEMININE = {
    "أحمر": "حمراء",
    "أزرق": "زرقاء",
    "أخضر": "خضراء",
    "أصفر": "صفراء",
    "أسود": "سوداء",
    "بنفسجي": "بنفسجية",
}


def arabic_share(text: str) -> float | None:
    """Return the share of letters in Arabic script; None if there are no letters."""
    return script_ratio(text, "ar")


def diacritics_share(text: str) -> float | None:
    """Return the share of Arabic letters with a diacritic; None if there are no Arabic letters."""
    letters = sum(c.isalpha() for c in ARABIC.findall(text))
    return min(1.0, len(DIACRITICS.findall(text)) / letters) if letters else None
