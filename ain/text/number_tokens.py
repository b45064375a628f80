"""Split a text into what numbers consist of: digits, dates, times, signs and words."""

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from ain.text.normalise import DIACRITICS, INVISIBLE, LETTERS
from ain.text.number_words import Word, arabic_word, english
from ain.text.numbers import western_digits

_TANWIN = re.compile("\u064bا|ا\u064b")
_THOUSANDS = re.compile(r"(?<!\d{4})(?<=\d)[,،\u00a0\u2007\u2009\u202f](?=\d{3}(?!\d))")
_SQUARE = re.compile(r"(?<![^\W\d_])([ck]?m|[سك]?م)[23²³](?!\w)")
_PHRASES = (
    (re.compile(r"\bper ?cent\b|(?<!\w)(?:في ال|بال)(?:مئه|مائه)(?!\w)", re.I), "%"),
    (re.compile(r"(?:جزء|اجزاء) في المليون"), "ppm"),
    (re.compile(r"(?:degrees? )?below (?:zero|freezing)|(?:تحت|دون) الصفر", re.I), "☟"),
    (re.compile(r"\b(?:minus|negative)(?= )|(?<!\w)(?:سالب|ناقص)(?= )", re.I), "☝"),
)
# Python converts no number of more than 4,300 digits; a longer run is read as several numbers.
_TOKEN = re.compile(
    r"""(?P<date>(?<!\d)(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2}/\d{1,2}/\d\d)(?!\d))
    |(?P<clock>(?<!\d)\d{1,2}:[0-5]\d(?!\d))
    |(?P<ratio>(?<![\d.])\d{1,300}/[1-9]\d{0,299}(?![\d.]))
    |(?P<decade>\d*\d0['’]?s\b)
    |(?P<number>(?:(?<!\d,)\d{1,300}[.,]\d{1,300}(?![.,]\d)|\d{1,300})[¼½¾⅓⅔⅛]?)(?:(?:st|nd|rd|th)(?![a-z]))?
    |(?P<vulgar>[¼½¾⅓⅔⅛])
    |(?P<word>[^\W\d_]+)
    |(?P<sign>[%$€£¥°☟☝]|(?<![\w)])[-−](?=[$€£¥]?\d))""",
    re.X,
)
_ROMAN = re.compile("(?=[IVX])(X{0,3})(IX|IV|V?I{0,3})")


class Token(NamedTuple):
    kind: str  # a group of _TOKEN
    text: str
    start: int
    end: int
    joined: bool = False  # begins with «و»
    word: Word | None = None
    dual: bool = False
    stem: str = ""  # in lower case; in Arabic without conjunction, preposition and article


def folded(text: str) -> str:
    """Return the text with western digits, without diacritics and thousands separators, and with one form of similar
    Arabic letters. The accusative «ألفًا» becomes «ألف»; «ألفا» is a dual."""
    if not text.isascii():
        text = DIACRITICS.sub("", _TANWIN.sub("", INVISIBLE.sub("", text))).translate(LETTERS).replace("ة", "ه")
    return _SQUARE.sub(r"\1", _THOUSANDS.sub("", western_digits(text)))


def tokens(text: str, language: str) -> list[Token]:
    """Return the tokens of a folded text. Words mean numbers in English and Arabic only."""
    if language in ("en", "ar"):
        for phrase, sign in _PHRASES:
            text = phrase.sub(sign, text)
    found = []
    for match in _TOKEN.finditer(text):
        joined, word, dual, stem = _meaning(match[0], language)
        found.append(Token(str(match.lastgroup), match[0], match.start(), match.end(), joined, word, dual, stem))
    return found


@lru_cache(100_000)
def _meaning(text: str, language: str) -> tuple[bool, Word | None, bool, str]:
    if language not in ("en", "ar") or not text[0].isalpha():
        return False, None, False, text.lower()
    if text != "I" and (roman := _ROMAN.fullmatch(text)):
        return False, Word(_roman(roman), "unit", certain=False), False, text.lower()
    if language == "en":
        return False, english().get(text.lower()), False, text.lower()
    return arabic_word(text.lower())


def _roman(match: re.Match[str]) -> Fraction:
    return Fraction(10 * len(match[1]) + ["", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX"].index(match[2]))
