"""Corrupt translations on purpose, to show what verification catches and what it misses."""

import re
from collections.abc import Callable
from itertools import pairwise
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


# Words that Arabic can go without: «ماذا في أسفل اليسار؟» and «دائرة» need no more.
_OPTIONAL = frozenset(
    ["يوجد", "توجد", "كُتب", "كتب", "مكتوب", "مكتوبة", "المكتوب", "المكتوبة", "واحد", "واحدة", "هو", "هي", "هناك"]
)
_OPTIONAL |= {"ثمة", "قد", "لقد", "إن", "إنّ", "أيضا", "أيضًا", "العاصمة", "علمها"}
_EXISTS = ("يوجد", "توجد")
_BESIDE = ("أعلى", "أسفل", "يمين", "يسار", "داخل", "خلف", "أمام", "فوق", "تحت", "بجانب")  # may go without «في»


def _bare(word: str) -> str:
    return word.strip("؟.،!:«»")


def _optional(words: list[str], i: int) -> bool:
    """Return whether the text is still correct and says the same without a word."""
    before, word, after = ([""] + [_bare(word) for word in words] + [""])[i : i + 3]
    none = i > 1 and before in _EXISTS and words[i - 2] == "لا"  # «لا توجد» answers «كم دائرة ...؟»
    return word in _OPTIONAL or none or (word == "في" and after in _BESIDE)


def _omission(text: str, random: Random) -> str:
    """Leave out one word of three or more that the text needs, but never the first, which may make it a question."""
    words = text.split()
    needed = [i for i in range(1, len(words)) if not _optional(words, i)]
    if len(words) < 3 or not needed:
        return text
    del words[random.choice(needed)]
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
    """Keep the first half of the words, like a model that ran out of tokens, unless the rest adds nothing."""
    words = text.split()
    kept = (len(words) + 1) // 2
    rest = [_bare(word) for word in words[kept:]]
    if rest == ["في", "الصورة"] or all(_optional(words, i) for i in range(kept, len(words))):
        return text
    return " ".join(words[:kept])


def _order(text: str, random: Random) -> str:
    """Shuffle three words or more so that another one comes first and no two stay together: Arabic has a free word
    order, but not that free."""
    words = text.split()
    if len(words) < 3:
        return text
    together = set(pairwise(words))
    for _ in range(100):
        shuffled = random.sample(words, len(words))
        if shuffled[0] != words[0] and not together & set(pairwise(shuffled)):
            return " ".join(shuffled)
    return " ".join(reversed(words))


_SWAPPED = {**FEMININE, "واحد": "واحدة"}
_SWAPPED |= {feminine: masculine for masculine, feminine in _SWAPPED.items()}


def _gender(text: str, random: Random) -> str:
    """Put adjectives that follow a noun into the other gender. An adjective alone may agree with either «لون» or what
    has the colour, and «يوجد» before a noun that follows it need not agree at all: both stay."""
    first, space, rest = text.partition(" ")
    return first + space + _WORDS.sub(lambda match: _swapped(match[0]), rest)


def _swapped(word: str) -> str:
    core = word.rstrip("؟.،")
    article = "ال" if core.startswith("ال") and core.removeprefix("ال") in _SWAPPED else ""
    return article + _SWAPPED.get(core.removeprefix(article), core.removeprefix(article)) + word[len(core) :]


_WAYS = {"omission": _omission, "number": _number, "truncated": _truncated, "order": _order, "gender": _gender}
