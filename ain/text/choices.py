"""Read which option an answer chooses: by its letter in Latin or Arabic, its number, its place or its text.

An announced choice goes before a label or a lone letter, and these before a letter within a sentence; the last
announcement wins. Options that the answer denies are out. Two options at once are no choice.
"""

import re
from collections.abc import Collection, Sequence

from ain.text import choice_words as known
from ain.text.answers import announced, bare
from ain.text.choice_marks import folded, marks
from ain.text.phrases import phrase

_WORD = re.compile(r"\w+")


def chosen(answer: str, options: Sequence[str] = ()) -> int | None:
    """Return the option that an answer chooses, 0 for A; None if none, or more than one, can be told.

    options: their texts in order. Without them, letters up to J are options, and only letters, numbers and places count.
    """
    text, texts = bare(answer), [folded(option) for option in options]
    exact = _exact(text, texts)
    if exact is not None:
        return exact
    found = marks(text, texts)
    denied = {option for mark in found if mark.denied for option in mark.options}
    stated = [mark for mark in found if not mark.denied]
    decided = [mark for mark in stated if mark.firm == 3]
    if decided:
        return _only(decided[-1].options)
    for firm in (2, 1, 0):
        named = [mark for mark in stated if mark.firm == firm]
        left = {option for mark in named for option in mark.options} - denied
        if firm == 1 and len(left) > 1 and all(len(mark.options) == 1 for mark in named):
            return _by_text(_without_lines(text, {mark.line for mark in named}), texts)  # the options, listed again
        if left:
            return _only(left)
    others = set(range(len(texts))) - denied
    return _only(others) if denied and len(others) == 1 else _by_text(text, texts)


def _without_lines(text: str, listed: set[int]) -> str:
    return "\n".join(line for number, line in enumerate(text.split("\n")) if number not in listed)


def _exact(text: str, options: list[str]) -> int | None:
    """Read an answer that is a letter, an option's text, or the number in it, and nothing else."""
    content = _WORD.findall(text)
    letter = known.LETTERS.get(content[0].upper()) if len(content) == 1 else None
    if letter is not None and letter < (len(options) or 10):
        return letter
    whole = folded(text)
    having = [i for i, option in enumerate(options) if option == whole]
    if not having and len(content) == 1 and content[0].isdecimal():
        having = [i for i, option in enumerate(options) if content[0] in option.split()]
    return _only(having)


def _by_text(text: str, options: list[str]) -> int | None:
    """Return the only option whose text occurs: in what is announced, anywhere, or in the last line."""
    lines = [line for line in text.split("\n") if line.strip()]
    for part in (announced(text), text, *lines[-1:]):
        named = _named(folded(part), options)
        if len(named) == 1:
            return _only(named)
    return None


def _named(text: str, options: list[str]) -> set[int]:
    """Return the options whose texts occur in a folded text, but not within a longer one's and not denied."""
    covered, named = bytearray(len(text)), set()
    for option in sorted(range(len(options)), key=lambda i: -len(options[i])):
        for match in phrase(options[option]).finditer(text):
            if not covered[match.start()]:
                covered[match.start() : match.end()] = b"\1" * (match.end() - match.start())
                before = [word for word in text[max(0, match.start() - 16) : match.start()].split() if len(word) > 1]
                before = [word for word in before if word not in ("an", "the")]
                if not before or not (known.among(before[-1], known.NEGATE) or before[-1] in known.EXCLUDE | {"isn"}):
                    named.add(option)
    return named


def _only(options: Collection[int]) -> int | None:
    return next(iter(options)) if len(options) == 1 else None
