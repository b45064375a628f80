"""Put a question to a model: in which words, with which letters before the options, with images where."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeVar

from pydantic import ConfigDict

from ain import UserError
from ain.benchmark.template import Template
from ain.text.languages import LanguageCode
from ain.text.lists import ABJAD
from ain.text.placeholders import IMAGE, VIDEO, unplaced

LETTERS = {"arabic": ABJAD, "latin": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_NONE = -1  # no number of an image
_PLACE = re.compile(r"<image(?: (\d+))?>")
Picture = TypeVar("Picture")


@dataclass(frozen=True)
class Prompt:
    """choice, open: language of the prompt → template for questions with options and for others, over {question},
    {options} and columns. option: template of one option over {letter} and {option}.
    """

    choice: dict[LanguageCode, str] = field(default_factory=dict)
    open: dict[LanguageCode, str] = field(default_factory=dict)
    language: LanguageCode = "ar"
    letters: Literal["arabic", "latin", "digits"] = "arabic"
    option: str = "{letter}. {option}"

    __pydantic_config__ = ConfigDict(extra="forbid")

    def check(self) -> None:
        known = sorted({*self.choice, *self.open})
        if self.language not in known:
            raise UserError(f"benchmark.prompt.language={self.language}: no template; choose one of {', '.join(known)}")
        if set(Template(self.option, "benchmark.prompt.option").columns) != {"letter", "option"}:
            raise UserError(f"benchmark.prompt.option={self.option}: write {{letter}} and {{option}} where they belong")

    def templates(self) -> list[Template]:
        kinds = {"choice": self.choice, "open": self.open}
        return [_template(of[self.language], kind, self.language) for kind, of in kinds.items() if self.language in of]

    def letter(self, index: int) -> str:
        """Return what stands before an option; a number where the letters end."""
        letters = LETTERS.get(self.letters, "")
        return letters[index] if index < len(letters) else str(index + 1)

    def text(self, question: str, options: Sequence[str], row: Mapping[str, Any]) -> str | None:
        """Return the prompt; None if there is no template for questions of this kind. Empty options are not listed."""
        kind = "choice" if options and self.language in self.choice else "open"
        template = getattr(self, kind).get(self.language)
        if template is None:
            return None
        listed = (
            self.option.format(letter=self.letter(i), option=option) for i, option in enumerate(options) if option
        )
        values = {**row, "question": question, "options": "\n".join(listed)}
        return _template(template, kind, self.language).filled(values)


@cache
def _template(text: str, kind: str, language: str) -> Template:
    return Template(text, f"benchmark.prompt.{kind}.{language}")


def with_images(
    text: str, images: Mapping[int, Picture], kept: Collection[int], inline: bool
) -> tuple[str, list[Picture], str | None]:
    """Return (text with one <image> for each image, these images in order, what is missing).

    images: by number, as <image 2> names them. kept: the numbers of those to show. inline: images stand where the text names
    them, by number or in order, and those that it does not name stand before it, as all do otherwise.
    """
    text = text.replace(VIDEO, "")
    if not inline:
        return _in_front(len(kept), unplaced(text).strip()), [images[number] for number in kept], None
    waiting = iter(images)
    named = [int(match[1]) if match[1] else next(waiting, _NONE) for match in _PLACE.finditer(text)]
    if lacking := [number for number in named if number not in images]:
        which = f"image {lacking[0]}" if lacking[0] != _NONE else f"{len(named)} images"
        return text, [], f"the question names {which}, and there are {len(images)}"
    numbers = iter(named)
    placed = _PLACE.sub(lambda _: IMAGE if next(numbers) in kept else "", text)
    before = [number for number in kept if number not in named]
    order = before + [number for number in named if number in kept]
    return _in_front(len(before), placed.strip()), [images[number] for number in order], None


def _in_front(count: int, text: str) -> str:
    return "\n".join([IMAGE] * count + [text])
