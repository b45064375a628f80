"""Protect what a translation must keep: placeholders, addresses, code, formulas, and the letters of options.

A text is split so that a translator sees only language; the rest is put back, options with the letters of the language
translated into. Numbers inside a sentence are left to the translator and checked afterwards.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from ain.text import options

IMAGE = "<image>"
VIDEO = "<video>"
PLACEHOLDERS = {IMAGE: "image", VIDEO: "video"}  # with their names in chat templates
_PLACEHOLDER = re.compile("|".join(PLACEHOLDERS))

# Texts are of any length, so no pattern may look for its end again and again: repetitions are bounded or possessive.
# A dollar sign opens a formula unless a space follows; "$5 and $10" and "$5 or 4$" are money.
_FORMULA = (
    r"\$\$.+?\$\$|\\\(.{1,1000}?\\\)|\\\[.{1,1000}?\\\]"
    r"|(?<![\w$\\])\$(?!\s)[^$\n\\]*+\\.(?:[^$\n\\]|\\.)*+(?<!\s)\$(?![\d$])"  # with a backslash: anything
    r"|(?<![\w$\\])\$(?!\s)(?![^$\n]*\s[A-Za-z]{2,}\s)[^$\n\\]*(?<!\s)\$(?![\d$])"
)
_KEPT = re.compile(
    r"(```.*?```|`[^`\n]+`"  # code
    rf"|{_FORMULA}"
    r"|<\|?/?[A-Za-z_][\w-]*\|?>"  # <image>, <image_1>
    r"|\{\{?\w+\}?\}"  # {name}
    r"|(?:https?://|www\.)[^\s\u0600-\u06ff«»]*[^\s?.,;:!)\]»\"'\u0600-\u06ff]"
    r"|[A-Za-z0-9][\w.+-]{0,63}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
    r"|\n+)",
    re.S,
)
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")  # invisible marks of the writing direction


@dataclass(frozen=True)
class Piece:
    text: str
    language: bool  # else it is kept
    option: bool = False  # the letter of an option, with what sets it off


def pieces(text: str, known: Collection[int] | None = None) -> list[Piece]:
    """Split the text into pieces, in order. Joined, they give the text again. known: as of `options.labels`."""
    made: list[Piece] = []
    marks = {m.letter: m for m in (*options.labels(text, known), *options.alone(text, known))}
    ends = [(mark.start, mark.end, True) for mark in marks.values()]
    kept = [(match.start(), match.end(), False) for match in _KEPT.finditer(text)]
    end = 0
    for start, stop, option in sorted([*kept, *(one for one in ends if not _within(one, kept))]):
        made += _trimmed(text[end:start])
        made.append(Piece(text[start:stop], False, option))
        end = stop
    return made + _trimmed(text[end:])


def _within(one: tuple[int, int, bool], others: list[tuple[int, int, bool]]) -> bool:
    return any(start < one[1] and one[0] < end for start, end, _ in others)


def _trimmed(text: str) -> list[Piece]:
    """Split off white space at the ends, which is kept. Text without a letter or digit is not language."""
    core = text.strip()
    if not any(c.isalnum() for c in core):
        return [Piece(text, language=False)] if text else []
    before, after = text[: text.index(core)], text[text.index(core) + len(core) :]
    made = [Piece(before, False), Piece(core, True), Piece(after, False)]
    return [piece for piece in made if piece.text]


def spoken(text: str) -> str:
    """Return the text without placeholders such as <image>, which are the same in all languages."""
    if not _KEPT.search(text):
        return text.strip()
    return "".join(piece.text for piece in pieces(text) if piece.language or not piece.text.startswith("<")).strip()


def language_only(text: str) -> str:
    """Return the text without code, formulas, addresses, placeholders and letters of options: what is in a language."""
    return "".join("\n" if _kept(piece) else piece.text for piece in pieces(text)).strip()


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


def relabelled(text: str, script: str, known: Collection[int] | None = None) -> str:
    """Return the text with the labels of its options in another script."""
    made = (options.relabelled(p.text, script) if p.option else p.text for p in pieces(text, known))
    return "".join(made)


def restored(
    text: str,
    translation: Callable[[str], str | None],
    script: str | None = None,
    known: Collection[int] | None = None,
) -> tuple[str, str | None]:
    """Return the translated text with everything else in place, and why it cannot be used, or None if it can.

    script: key of OPTIONS with the letters that options get; None leaves them.
    """
    made, reason = "", None
    named = {mark.index for mark in options.mentions(text, known)} if script else set()
    for piece in pieces(text, known):
        said = translation(piece.text) if piece.language else piece.text
        if said is None:
            reason = "cut off: longer than the translator can take or make"
        elif piece.language and not said.strip():
            reason = "empty translation"
        elif piece.language and (found := _PLACEHOLDER.search(said)):
            reason = f"added: {found[0]}"
        if said and script and piece.option:
            said = options.relabelled(said, script)
        elif said and script and piece.language and named:
            said = options.converted(said, named, script)
        made += said or ""
    return made, reason


def lost(text: str, translation: str) -> str | None:
    """Return the first placeholder, address, formula or code that the translation has lost, or None."""
    made, kept = _DIRECTION.sub("", translation), Counter(_copied(text))
    return next((piece for piece, count in kept.items() if made.count(piece) < count), None)


def added(text: str, translation: str) -> str | None:
    """Return the first placeholder, address, formula or code that only the translation has, or None."""
    return lost(_DIRECTION.sub("", translation), text)


def moved(text: str, translation: str) -> str | None:
    """Return the first placeholder of an image or video whose number differs in the translation, or None."""
    return next((one for one in PLACEHOLDERS if text.count(one) != translation.count(one)), None)


def keeps(text: str) -> bool:
    """Return whether the text has anything that must be kept."""
    return any(_kept(piece) for piece in pieces(text))


def _copied(text: str) -> Iterator[str]:
    return (piece.text.strip() for piece in pieces(text) if _kept(piece) and not piece.option)


def _kept(piece: Piece) -> bool:
    return not piece.language and any(map(str.isalnum, piece.text))


def placed(made: list[dict[str, str]]) -> list[str]:
    """Return the placeholders of all questions in order."""
    return [found for turn in made for found in _PLACEHOLDER.findall(turn["question"])]


def frame_by_frame(made: list[dict[str, str]], frames: Iterable[int]) -> list[dict[str, str]]:
    """Return the turns with an <image> for each frame of a <video>. frames: of each video, in order."""
    left = iter(frames)
    return [{**turn, "question": re.sub(VIDEO, lambda _: IMAGE * next(left), turn["question"])} for turn in made]


def unplaced(text: str) -> str:
    """Return the text without placeholders."""
    return _PLACEHOLDER.sub("", text)
