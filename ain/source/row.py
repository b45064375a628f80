"""Convert a row of the user's data into a record: one path for folders and for data sets."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

from pydantic import Field

from ain.source import Found, Medium
from ain.source.conversation import Conversation, language, no_text, turns
from ain.source.parts import by_url, shown
from ain.storage.record import Turns, readable
from ain.text.languages import LANGUAGES
from ain.text.placeholders import IMAGE, PLACEHOLDERS, VIDEO, placed

Opener = Callable[[Any], bytes]  # takes an image as the row names it


Pixels = Annotated[int, Field(ge=1, le=178_000_000)]  # above, Pillow itself refuses


@dataclass(frozen=True)
class Limits:
    """What a row may hold: characters of its texts together, and images, frames included."""

    max_chars: int
    max_images: int

    def broken(self, made: Turns, images: list[Any], videos: list[Any]) -> list[str]:
        chars = sum(len(text) for turn in made for text in turn.values())
        count = len(images) + sum(len(listed(video)) for video in videos)
        reasons = [f"texts of {chars:,} characters; the limit is source.max_chars"] if chars > self.max_chars else []
        return reasons + ([f"{count:,} images; the limit is source.max_images"] if count > self.max_images else [])


def converted(
    row: dict[str, Any], messages: Any, where: str, spoken: str, domain: str, opener: Opener, limits: Limits
) -> Found:
    """Return a row with the keys that docs/data.md lists. spoken, domain: of a row without `language` or `domain`."""
    images = [image for key in ("image", "images") for image in listed(row.get(key)) if image is not None]
    videos = [video for video in listed(row.get("videos")) if video is not None]
    identifier, unnamed = name_of(row.get("id"), where)
    field, unfit = _short("domain", row.get("domain") or domain)
    made = turns(messages, min(len(images), limits.max_images + 1), min(len(videos), limits.max_images + 1))
    images += made.images
    if broken := limits.broken(made.turns, images, videos):
        return Found(where, {"id": identifier}, reasons=[*broken, *unnamed, *unfit])
    tongue, unknown = language(spoken, row.get("language"), made.turns)
    references, doubts = _references(row.get("references"), made.turns, limits)
    if "reference" in row:
        doubts = [*doubts, 'reference is called references now: {"ar": conversation}']
    media, wrong = _media(images, videos, row.get("fps"), made, opener)
    record = {
        "id": identifier,
        "domain": field,
        "origin": "authentic",
        "language": tongue,
        "turns": made.turns,
        "references": references,
    }
    return Found(where, record, media, [*made.reasons, *unknown, *wrong, *doubts, *unnamed, *unfit], made.added)


def _media(
    images: list[Any], videos: list[Any], fps: Any, made: Conversation, opener: Opener
) -> tuple[list[Medium], list[str]]:
    """Return (media in the order of their placeholders, reasons); if that order is unknown, only the images."""
    rates = fps if isinstance(fps, list) else [fps] * len(videos)
    reasons = []
    if not all(isinstance(video, list) and video for video in videos):
        reasons.append("a video is a list of images, its frames")
    if len(rates) != len(videos) or not all(rate is None or _is_rate(rate) for rate in rates):
        reasons.append("fps: expected a number above 0, or one for each video")
    waiting = {IMAGE: (([image], None) for image in images), VIDEO: zip(videos, rates, strict=False)}
    media = []
    for place in [IMAGE] * len(images) if made.reasons or reasons else placed(made.turns):
        names, rate = next(waiting[place])
        wrong = [said for name in names if (said := _no_image(name))]
        reasons += wrong
        opened = [] if wrong else [partial(opener, name) for name in names]
        media.append(Medium(opened, PLACEHOLDERS[place], None if rate is None else float(rate)))
    return media, reasons


def _no_image(name: Any) -> str | None:
    """Return why this names no image of the user's, or None."""
    stored = isinstance(name, dict) and (name.get("bytes") or name.get("path"))
    if said := by_url(name):
        return said
    return None if stored or (isinstance(name, str) and name) else f"image is no path: {shown(name)}"


def _is_rate(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e6 and math.isfinite(value)


def _references(given: Any, made: Turns, limits: Limits) -> tuple[list[dict[str, Any]] | None, list[str]]:
    """Return (trusted translations, reasons) from {"ar": messages, ...}, with the turns of the conversation itself."""
    if given is None:
        return None, []
    if not isinstance(given, dict):
        return None, ['references: expected {"ar": conversation}, a language\'s code for each']
    given = {code: messages for code, messages in given.items() if messages is not None}  # tables hold nulls
    references, reasons = [], [f"references: unknown language: {code[:20]}" for code in given if code not in LANGUAGES]
    for code, messages in given.items():
        translated = turns(messages, placed(made).count(IMAGE), placed(made).count(VIDEO))
        wrong = translated.reasons + limits.broken(translated.turns, [], [])
        if not wrong and len(translated.turns) != len(made):
            wrong = [f"{len(translated.turns)} turns for {len(made)}"]
        references.append({"language": code, "turns": translated.turns})
        reasons += [f"reference in {code}: {reason}" for reason in wrong]
    return references or None, reasons


def listed(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def name_of(given: Any, where: str) -> tuple[str, list[str]]:
    """Return (a row's id, or where it was found if it has none; reasons to reject it)."""
    return (where, []) if given is None else _short("id", given)


def _short(key: str, given: Any) -> tuple[str, list[str]]:
    """Return (a value of `id` or `domain` as text; reasons to reject the row)."""
    if isinstance(given, list | dict) or len(text := str(given)) > 1_000:
        return readable(shown(given)), [f"{key}: expected a short text, found {shown(given)}"]
    wrong = no_text(text, f"the {key}")
    return (readable(text) if wrong else text), wrong
