"""What must come through a translation unharmed: placeholders, URLs, code, option letters, numbers.

A text is split so that a translator sees only what is language; the rest is put back as it was. Numbers inside a sentence
are the translator's to carry, and are checked afterwards.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from ain.arabic import western_digits

_KEPT = re.compile(
    r"(```.*?```|`[^`\n]+`"  # code
    r"|<[a-z_]+>"  # <image>
    r"|https?://\S+|www\.\S+"
    r"|\n+"
    r"|(?m:^[ \t]*\(?[A-Ea-e][.):](?=\s))"  # an option's letter
    r"|(?m:^[ \t]*[A-E]$))",  # an answer that is a letter
    re.S,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Piece:
    text: str
    language: bool  # else it is kept as it is


def pieces(text: str) -> list[Piece]:
    """The text in order; joined, the pieces are the text."""
    made: list[Piece] = []
    for i, part in enumerate(_KEPT.split(text)):
        if part and i % 2 == 0:
            made += _trimmed(part)
        elif part:
            made.append(Piece(part, language=False))
    return made


def _trimmed(text: str) -> list[Piece]:
    """White space at the ends is kept; what has no letter or digit is no language."""
    core = text.strip()
    if not any(c.isalnum() for c in core):
        return [Piece(text, language=False)]
    before, after = text[: text.index(core)], text[text.index(core) + len(core) :]
    made = [Piece(before, False), Piece(core, True), Piece(after, False)]
    return [piece for piece in made if piece.text]


def restored(text: str, translation: Callable[[str], str]) -> str:
    return "".join(translation(piece.text) if piece.language else piece.text for piece in pieces(text))


def numbers(text: str) -> list[str]:
    """The numbers of a text in western digits, sorted; thousands separators are dropped."""
    return sorted(number.replace(",", "") for number in _NUMBER.findall(western_digits(text)))


def unusable(source: str, translation: str) -> str | None:
    """Why a translation cannot be used at all; None where it can. How good it is, is for verification to say."""
    if not translation.strip():
        return "empty translation"
    lost = [
        piece.text.strip()
        for piece in pieces(source)
        if not piece.language and piece.text.strip() and piece.text not in translation
    ]
    if lost:
        return f"lost in translation: {lost[0][:40]}"
    return None
