"""Read lists that a table holds as text: JSON, Python's or NumPy's notation, or words between separators."""

import ast
import json
import re
from typing import Any

from ain.text.languages import OPTIONS

_LONGEST = 50_000  # characters of a list; what is longer is not parsed
_STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.S)
_NONE = ("none", "null")
ABJAD = "أبجدهوزحطيكلمنسعفصق"  # letters of options in Arabic exams, in order
_LETTERS = {
    letter: i for letters in ("ABCDEFGHIJKLMNOPQRS", ABJAD, OPTIONS["Arabic"]) for i, letter in enumerate(letters)
}
_LETTERS |= {letter.lower(): i for letter, i in _LETTERS.items()} | {"ا": 0, "إ": 0, "هـ": 4}
_LETTERED = re.compile(r"\s*[(\[]?(هـ|[A-Sأ-ي])\s?[.):\]-]\s*(?=\S)")


def is_empty(value: Any) -> bool:
    """Return whether a table's cell holds nothing: null, NaN, blank text, or the text "nan"."""
    return value is None or value != value or (isinstance(value, str) and value.strip() in ("", "nan"))


def parsed(text: str, separator: str | None = None) -> list[str]:
    """Return the list that a text encodes. Raise ValueError if it encodes none.

    The comma may be an Arabic one; NumPy writes none at all, which Python would read as one joined text. separator: splits
    a text without brackets.
    """
    if is_empty(text) or text.strip().lower() in _NONE:
        return []
    if len(text) > _LONGEST:
        raise ValueError(f"a list of more than {_LONGEST:,} characters")
    if not text.lstrip().startswith(("[", "(")):
        if separator is None:
            raise ValueError(f"no list: {text[:40]}")
        return [part.strip() for part in text.split(separator)]
    found = _literal(text.strip())
    if not isinstance(found, list | tuple) or not all(isinstance(one, str | int | float) for one in found):
        raise ValueError(f"no list of texts: {text[:40]}")
    return [str(one).strip() for one in found]


def _literal(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(_with_commas(text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"no list: {text[:40]}") from None


def _with_commas(text: str) -> str:
    """Return the text with western commas between its quoted parts."""
    made: list[str] = []
    end = 0
    for match in _STRING.finditer(text):
        between = text[end : match.start()].replace("،", ",")
        made += [", " if made and not between.strip() else between, match[0]]
        end = match.end()
    return "".join(made) + text[end:]


def letter_index(text: str) -> int | None:
    """Return which option a lone letter names, 0 for A, a, أ and ا; None for any other text. Brackets do not count."""
    return _LETTERS.get(text.strip().strip("()[].:"))


def without_letters(options: list[str]) -> list[str]:
    """Return options without their letters, if all begin with the right ones: «أ. نعم», "B) no"."""
    marks = [_LETTERED.match(option) for option in options]
    if len(marks) > 1 and all(mark and _LETTERS.get(mark[1]) == i for i, mark in enumerate(marks)):
        return [option[mark.end() :] for option, mark in zip(options, marks, strict=True) if mark]
    return options
