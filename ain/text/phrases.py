"""Find words and phrases in texts as wholes. An Arabic word may carry a conjunction, a preposition and the article."""

import re
from functools import lru_cache

from ain.text.normalise import normalise

_WORD = re.compile(r"\w+")
_TANWIN = re.compile("\u064b[اى]|[اى]\u064b")  # «كلبًا» is «كلب»
_PREFIX = "(?:[وف]?(?:لل|[بلك]?(?:ال)?))"
_ARTICLE = re.compile("^ال(?=..)")


def words(text: str) -> list[str]:
    """Return the normalised words of a text."""
    return _WORD.findall(normalise(_TANWIN.sub("", text)))


def without_article(word: str) -> str:
    """Return an Arabic word without «ال»; any other word as it is."""
    return _ARTICLE.sub("", word)


@lru_cache(10_000)
def phrase(text: str, prefixes: bool = True) -> re.Pattern[str]:
    """Return a pattern that finds a phrase in words joined by spaces. A phrase without words is found nowhere.

    prefixes: also «السيارة», «بالسيارة» and «وسيارة» for «سيارة», and the other way round.
    """
    parts = [f"{_PREFIX}{re.escape(without_article(word))}" if prefixes else re.escape(word) for word in words(text)]
    return re.compile(rf"(?<!\S){' '.join(parts)}(?!\S)" if parts else "(?!)")
