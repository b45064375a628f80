"""Normalise texts for comparison. The form has a name and a version."""

import re
import unicodedata

from ain.text.numbers import western_digits

# Bump with any change to `normalise`: scores made with it are not comparable across versions.
NORMALISER = "ain-arabic-1"

DIACRITICS = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]")
_LETTERS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ـ": None})


def normalise(text: str) -> str:
    """Return the text with compatibility forms unfolded, western digits, single spaces and lower case. Arabic loses
    diacritics and tatweel and keeps one form each of alif and ya. Ta marbuta and hamza on other letters stay, because
    they distinguish words. Other scripts keep their letters.
    """
    text = DIACRITICS.sub("", unicodedata.normalize("NFKC", text)).translate(_LETTERS)
    return " ".join(western_digits(text).lower().split())
