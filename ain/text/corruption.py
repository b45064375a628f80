"""Corrupt translations on purpose, to show what verification catches and what it misses."""

import re
from collections.abc import Callable
from random import Random
from typing import Literal, get_args

from ain import UserError
from ain.text.arabic import FEMININE
from ain.text.numbers import indic_digits

Turns = list[dict[str, str]]

Kind = Literal["mismatch", "omission", "number", "untranslated", "truncated", "order", "gender"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_WORDS = re.compile(r"\S+")


def record(
    shares: dict[str, float], original: Turns, translation: Turns, others: list[Turns], random: Random
) -> tuple[Turns, str | None]:
    """Return the translation and the kind of corruption, drawn by `shares`. The kind is None if the translation is
    spared or that kind changes nothing."""
    if wrong := set(shares) - set(KINDS):
        raise UserError(f"translator.corrupt.{min(wrong)}: choose among {', '.join(KINDS)}")
    kind = random.choices([*shares, None], weights=[*shares.values(), max(0.0, 1 - sum(shares.values()))])[0]
    if kind is None:
        return translation, None
    corrupted = of_kind(kind, original, translation, others, random)
    return (corrupted, kind) if corrupted != translation else (translation, None)


def of_kind(kind: str, original: Turns, translation: Turns, others: list[Turns], random: Random) -> Turns:
    """Return the turns corrupted in one way, or unchanged if it cannot apply."""
    if kind == "mismatch":
        return _mismatch(translation, others, random)
    if kind == "untranslated":
        return [dict(turn) for turn in original]
    return [{key: _corrupted(_WAYS[kind], text, random) for key, text in turn.items()} for turn in translation]


def _corrupted(way: Callable[[str, Random], str], text: str, random: Random) -> str:
    """Corrupt the last line only: placeholders are on their own lines before it and stay."""
    head, newline, rest = text.rpartition("\n")
    return head + newline + way(rest, random)


def _mismatch(translation: Turns, others: list[Turns], random: Random) -> Turns:
    """Take the translation of another record, turn by turn."""
    other = random.choice(others)
    corrupted = []
    for i, turn in enumerate(translation):
        foreign = other[(i + 1) % len(other)]
        head, mark, _ = turn["question"].rpartition("\n")
        corrupted.append(
            {"question": head + mark + foreign["question"].rpartition("\n")[2], "answer": foreign["answer"]}
        )
    return corrupted


def _omission(text: str, random: Random) -> str:
    """Leave out one word of three or more, but never the first, which may be what makes the text a question."""
    words = text.split()
    if len(words) < 3:
        return text
    del words[random.randrange(1, len(words))]
    return " ".join(words)


def _number(text: str, random: Random) -> str:
    """Replace each number by another of the same length."""
    return re.sub(r"\d+", lambda match: _another(match[0], random), text)


def _another(number: str, random: Random) -> str:
    while True:
        other = "".join(random.choice("123456789") for _ in number)
        if indic_digits(other) != number and other != number:
            return indic_digits(other) if not number.isascii() else other


def _truncated(text: str, random: Random) -> str:
    """Keep the first half of the words, like a model that ran out of tokens."""
    words = text.split()
    return " ".join(words[: (len(words) + 1) // 2]) if len(words) > 1 else text


def _order(text: str, random: Random) -> str:
    words = text.split()
    if len(words) < 3:
        return text
    shuffled = words[:]
    while shuffled == words:
        random.shuffle(shuffled)
    return " ".join(shuffled)


_SWAPPED = {
    **FEMININE,
    **{feminine: masculine for masculine, feminine in FEMININE.items()},
    "توجد": "يوجد",
    "يوجد": "توجد",
}


def _gender(text: str, random: Random) -> str:
    """Put adjectives and verbs into the other gender."""
    return _WORDS.sub(lambda match: _swapped(match[0]), text)


def _swapped(word: str) -> str:
    core = word.rstrip("؟.،")
    article = "ال" if core.startswith("ال") and core.removeprefix("ال") in _SWAPPED else ""
    return article + _SWAPPED.get(core.removeprefix(article), core.removeprefix(article)) + word[len(core) :]


_WAYS = {"omission": _omission, "number": _number, "truncated": _truncated, "order": _order, "gender": _gender}
