"""Find the letters of options ("A) red", "The answer is B."), check them in a translation, and convert them.

A label stands before an option; a mention names one. "E. coli", "Vitamin C" and "A dog" are neither: a lone letter with
a dot is a label only where the question has such an option.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from ain.text.languages import OPTIONS

_LETTERS = {letter: (script, i) for script, letters in OPTIONS.items() for i, letter in enumerate(letters)}
_LETTERS |= {letter.lower(): ("Latin", i) for i, letter in enumerate(OPTIONS["Latin"])}
_LETTERS |= {"ا": ("Arabic", 0), "هـ": ("Arabic", 4)}
_ANY = f"هـ|[{''.join(letter for letter in _LETTERS if len(letter) == 1)}]"
_NAMED = f"هـ|[{''.join(letter for letter in _LETTERS if len(letter) == 1 and not letter.islower())}]"  # not "a dog"

_LABEL = re.compile(
    rf"(?:(?<=^)|(?<=[\s,،;؛*«\"“]))(?P<open>[(\[]?)و?(?P<letter>{_ANY})"
    r"(?P<close> ?[)\]]|[.:](?=[\s*]|$)| [-–](?=\s))",
    re.M,
)
_ALONE = re.compile(rf"^[ \t]*[(\[«\"*]*(?P<letter>{_NAMED})[)\]»\".*]*[ \t]*$", re.M)
_ISOLATED = re.compile(rf"(?<![\w.'’])و?(?P<letter>{_NAMED})(?![\w'’])")
_COPYRIGHT = re.compile(r"\([cC]\) *\d")

_LIST = rf"(?:{_NAMED})(?:(?:\s*[,،/]|\s*(?:[,،]\s*)?(?:and|or|أو|و))\s*(?:{_NAMED})(?!\w))*"
_END = r"(?=[\s.,;:!?؟،)\]»\"”*]|$)"
_MENTIONS = [
    re.compile(pattern)
    for pattern in (
        rf"(?i:\b(?:answers?|options?|choices?)\b(?:\s+(?:is|are|was|would be|should be))?)\s*+:?\s*[(\[«\"“*]*({_LIST}){_END}",
        rf"(?i:\b(?:choose|select|pick|with|among|between)\s+(?:(?:the|a|one of the)\s+)?(?:letters?\s+)?)\(?({_LIST}){_END}",
        rf"\b({_NAMED}) is (?:the )?(?:correct|right|answer|best)",
        rf"(?:الإجابة|الجواب|الخيار)(?: الصحيحة| الصحيح)?(?: هي| هو)?\s*+:?\s*[(«]*({_LIST}){_END}",
    )
]
_ONLY = re.compile(rf"^\W*(?:(?i:both|only|it is|it[’']s|i think)\s+)*({_LIST})\W*$")
_ASKED = re.compile(
    r"\b(?:option|choice|alternative)s?\b|\bletter of\b|with (?:the|its|a|one)(?: \w+)? letter|خيار", re.I
)


@dataclass(frozen=True)
class Mark:
    start: int
    end: int
    letter: int  # where the letter starts
    script: str
    index: int  # 0 for A
    style: str  # how it is set off: "()", ")", ".", ":", "-"; "" for a mention


def labels(text: str, known: Collection[int] | None = None) -> list[Mark]:
    """Return the labels of a text. known: the options of its question, where the text is an answer."""
    lone = {mark.letter for mark in alone(text, known)}
    found = [mark for mark in _candidates(text) if mark.letter not in lone]
    sure = {mark for style in {mark.style for mark in found} for mark in _run(text, found, style)}
    sure |= {mark for mark in found if mark.style in ("()", ")") and _begins_line(text, mark)}
    start = len(text) - len(text.lstrip(" *"))
    sure |= {mark for mark in found if known and mark.index in known and mark.start <= start}
    return sorted(sure, key=lambda mark: mark.start)


def alone(text: str, known: Collection[int] | None = None) -> list[Mark]:
    """Return letters that are a line of their own. They name an option, unless the question is known to have none."""
    found = [_mark(match, "") for match in _ALONE.finditer(text)] if known is None or known else []
    return [mark for mark in found if mark.index < 5 or known]


def mentions(text: str, known: Collection[int] | None = None) -> list[Mark]:
    """Return the letters that name an option within a sentence."""
    patterns = [*_MENTIONS, _ONLY] if known else _MENTIONS
    named = bytearray(len(text))
    for pattern in patterns:
        for match in pattern.finditer(text):
            named[match.start(1) : match.end(1)] = b"\1" * len(match[1])
    taken = {mark.letter for mark in labels(text, known)}
    found = {_mark(match, "") for match in _ISOLATED.finditer(text) if named[match.start("letter")]}
    return sorted({mark for mark in (*found, *alone(text, known)) if mark.letter not in taken}, key=lambda m: m.letter)


def known(question: str) -> frozenset[int]:
    """Return the options that a question offers; all, if it offers options without listing them."""
    found = frozenset(mark.index for mark in (*labels(question), *mentions(question)))
    return found or (frozenset(range(len(OPTIONS["Latin"]))) if _ASKED.search(question) else frozenset())


def converted(text: str, indices: Collection[int], script: str) -> str:
    """Return the text with the letters of these options in another script."""
    made, end = [], 0
    for match in _ISOLATED.finditer(text):
        if (found := _mark(match, "")).index in indices:
            made += [text[end : found.letter], _letter(match["letter"], script)]
            end = match.end("letter")
    return "".join(made) + text[end:]


def relabelled(label: str, script: str) -> str:
    """Return a label, such as "A)" or "B", in another script."""
    match = re.search(_ANY, label)
    return label if match is None else label[: match.start()] + _letter(match[0], script) + label[match.end() :]


def wrong(original: str, translation: str, script: str, known: Collection[int] | None = None) -> str | None:
    """Return the letters that a translation should have, in order, or None if it has them. script: that of the letters."""
    given, named = labels(original, known), mentions(original, known)
    if _fits(original, translation, given, named, script):
        return None
    return " ".join(OPTIONS[script][mark.index] for mark in given or named) or "none"


def _fits(one: str, other: str, given: list[Mark], named: list[Mark], script: str) -> bool:
    order = [mark.index for mark in given]
    sure = labels(other, order)
    if not order:
        if len(sure) > 1 or not _same_start(one, other):
            return False
        used: set[int] = set()
    else:
        if any(mark.script != script for mark in sure):
            return False
        view = next((view for view in _views(other, sure, script) if [mark.index for mark in view] == order), None)
        if view is None:
            return False
        used = {mark.letter for mark in view}
    isolated = [_mark(match, "") for match in _ISOLATED.finditer(other)]
    said = {mark.index for mark in isolated if mark.script == script and mark.letter not in used}
    return {mark.index for mark in named} <= said


def _views(text: str, sure: list[Mark], script: str) -> Iterator[list[Mark]]:
    """Yield readings of which letters are labels: «د. أحمد» among options is a doctor."""
    found = [mark for mark in _candidates(text) if mark.script == script]
    yield sure
    yield found
    yield [mark for mark in found if _begins_line(text, mark)]
    yield from ([mark for mark in found if mark.style == style] for style in dict.fromkeys(m.style for m in found))


def _same_start(one: str, other: str) -> bool:
    """Return whether texts that begin with a letter and a dot, which may be an option, begin with the same letter."""
    starts = [mark for text in (one, other) for mark in _candidates(text)[:1] if not text[: mark.start].strip()]
    return len(starts) < 2 or starts[0].index == starts[1].index or starts[0].index > 3


def _candidates(text: str) -> list[Mark]:
    found = []
    for match in _LABEL.finditer(text):
        closing = match["close"].strip()
        style = "()" if match["open"] else ")" if closing in (")", "]") else "-" if closing in ("-", "–") else closing
        if not (style == "()" and _COPYRIGHT.match(text, match.start())):
            found.append(_mark(match, style))
    return found


def _run(text: str, found: list[Mark], style: str) -> list[Mark]:
    """Return the labels A, B, ... of one style, in order; none if there are fewer than two."""
    run: list[Mark] = []
    for mark in (mark for mark in found if mark.style == style):
        starts = style in ("()", ")") or _begins_sentence(text, mark.start)
        if mark.index == len(run) and (run or starts):
            run.append(mark)
    return run if len(run) > 1 else []


def _begins_line(text: str, mark: Mark) -> bool:
    end = mark.start
    while end and text[end - 1] in " \t*":
        end -= 1
    return end == 0 or text[end - 1] == "\n"


def _begins_sentence(text: str, start: int) -> bool:
    end = start
    while end and (text[end - 1].isspace() or text[end - 1] == "*"):
        end -= 1
    between = text[end:start]
    return end == 0 or "\n" in between or (text[end - 1] in ".?!:؟" and between[:1].isspace())


def _mark(match: re.Match[str], style: str) -> Mark:
    script, index = _LETTERS[match["letter"]]
    return Mark(match.start(), match.end(), match.start("letter"), script, index, style)


def _letter(letter: str, script: str) -> str:
    own, index = _LETTERS[letter]
    return letter if own == script else OPTIONS[script][index]
