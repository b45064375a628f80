"""Normalise texts for comparison. The form has a name and a version."""

import re
import unicodedata

from ain.text.numbers import western_digits

# Bump with any change to `normalise`: scores made with it are not comparable across versions.
NORMALISER = "ain-arabic-2"

DIACRITICS = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed]")
INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")  # zero width, and marks of direction
# NFKC would make 23 of 2³ and 21⁄2 of 2½: superscripts, subscripts and fractions stay.
_UNFOLDED = re.compile("[^\u00b2\u00b3\u00b9\u00bc-\u00be\u2070-\u209c\u2150-\u215f\u2189]+")
LETTERS = str.maketrans(
    {"أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ھ": "ه", "ہ": "ه", "٪": "%", "ـ": None}
)
_PUNCTUATION = str.maketrans("،؛؟۔«»“”„‘’", ',;?."""""\'\'')


def unified(text: str) -> str:
    """Return the text with one form of each letter and digit, as `normalise` does, but with its case and white space."""
    text = _UNFOLDED.sub(lambda part: unicodedata.normalize("NFKC", part[0]), INVISIBLE.sub("", text))
    return western_digits(DIACRITICS.sub("", text).translate(LETTERS))


def normalise(text: str, western_punctuation: bool = False) -> str:
    """Return the text with compatibility forms unfolded, western digits, single spaces and lower case, without
    invisible characters. Arabic loses diacritics and tatweel and keeps one form each of alif, ya, kaf and ha. Ta marbuta
    and hamza on other letters stay, because they distinguish words. Other scripts keep their letters.

    western_punctuation: write ، ؛ ؟ and quotation marks as , ; ? and ".
    """
    text = unified(text)
    if western_punctuation:
        text = text.translate(_PUNCTUATION)
    return " ".join(text.lower().split())
