"""Protect what a translation must keep unchanged: placeholders, URLs, code, option letters, numbers.

A text is split so that a translator sees only language; the rest is put back unchanged. Numbers inside a sentence are
left to the translator and checked afterwards.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

IMAGE = "<image>"
VIDEO = "<video>"
PLACEHOLDERS = {IMAGE: "image", VIDEO: "video"}  # with their names in chat templates
_PLACEHOLDER = re.compile("|".join(PLACEHOLDERS))

_KEPT = re.compile(
    r"(```.*?```|`[^`\n]+`"  # code
    r"|<[a-z_]+>"  # <image>
    r"|(?:https?://|www\.)\S*[^\s?.,;:!)\]»\"'؟،؛]"
    r"|\n+"
    r"|(?m:^[ \t]*\(?[A-Ea-e][.):](?=\s))"  # an option's letter
    r"|(?m:^[ \t]*[A-E]$))",  # an answer that is one letter
    re.S,
)


@dataclass(frozen=True)
class Piece:
    text: str
    language: bool  # else it is kept unchanged


def pieces(text: str) -> list[Piece]:
    """Split the text into pieces, in order. Joined, they give the text again."""
    made: list[Piece] = []
    for i, part in enumerate(_KEPT.split(text)):
        if part and i % 2 == 0:
            made += _trimmed(part)
        elif part:
            made.append(Piece(part, language=False))
    return made


def _trimmed(text: str) -> list[Piece]:
    """Split off white space at the ends, which is kept. Text without a letter or digit is not language."""
    core = text.strip()
    if not any(c.isalnum() for c in core):
        return [Piece(text, language=False)]
    before, after = text[: text.index(core)], text[text.index(core) + len(core) :]
    made = [Piece(before, False), Piece(core, True), Piece(after, False)]
    return [piece for piece in made if piece.text]


def spoken(text: str) -> str:
    """Return the text without placeholders such as <image>, which are the same in all languages."""
    if not _KEPT.search(text):
        return text.strip()
    return "".join(piece.text for piece in pieces(text) if piece.language or not piece.text.startswith("<")).strip()


def turn_text(turn: dict[str, str]) -> str:
    """Return question and answer as one text, because «نعم» alone means nothing."""
    return f"{spoken(turn['question'])} {spoken(turn['answer'])}".strip()


def core(text: str) -> tuple[str, str, str]:
    """Return (before, core, after): the text from the first word to the last, and what surrounds it and must stay. If
    there is no word to translate (numbers do not count), all of the text is in `before`."""
    parts = pieces(text)
    said = [i for i, piece in enumerate(parts) if piece.language]
    if not any(c.isalpha() for i in said for c in parts[i].text):
        return text, "", ""
    first, last = said[0], said[-1] + 1
    joined = ["".join(piece.text for piece in some) for some in (parts[:first], parts[first:last], parts[last:])]
    return joined[0], joined[1], joined[2]


def restored(text: str, translation: Callable[[str], str | None]) -> tuple[str, str | None]:
    """Return the translated text with everything else in place, and why it cannot be used, or None if it can."""
    made, reason = "", None
    for piece in pieces(text):
        said = translation(piece.text) if piece.language else piece.text
        if said is None:
            reason = "cut off: longer than the translator can take or make"
        elif piece.language and not said.strip():
            reason = "empty translation"
        made += said or ""
    return made, reason


def lost(text: str, translation: str) -> str | None:
    """Return the first placeholder, URL, code or option letter that the translation has lost, or None."""
    kept = Counter(piece.text.strip() for piece in pieces(text) if not piece.language)
    said = (piece for piece in kept if any(map(str.isalnum, piece)))
    return next((piece for piece in said if translation.count(piece) < kept[piece]), None)


def placed(made: list[dict[str, str]]) -> list[str]:
    """Return the placeholders of all questions in order."""
    return [found for turn in made for found in _PLACEHOLDER.findall(turn["question"])]


def unplaced(text: str) -> str:
    """Return the text without placeholders."""
    return _PLACEHOLDER.sub("", text)
