"""The form in which texts are compared: named and versioned."""

import re
import unicodedata

from ain.text.numbers import western_digits

# Bump with any change to `normalise`: scores made with it are not comparable across versions.
NORMALISER = "ain-arabic-1"

DIACRITICS = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]")
_LETTERS = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ـ": None})


def normalise(text: str) -> str:
    """Compatibility forms unfolded, western digits, single spaces, lower case; of Arabic no diacritics or tatweel, one
    alif, one ya. Ta marbuta and hamza on other seats stay: they distinguish words. Other scripts keep their letters.
    """
    text = DIACRITICS.sub("", unicodedata.normalize("NFKC", text)).translate(_LETTERS)
    return " ".join(western_digits(text).lower().split())
