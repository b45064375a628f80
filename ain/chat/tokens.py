"""Estimates token counts without a vocabulary, because OpenAI's must be downloaded and other servers have others.

The estimates serve rate limits and prices; every reply reports its actual usage. On questions and answers they exceed
o200k_base (GPT-4o) and cl100k_base (GPT-4) by up to a third.
"""

import math
import re
from typing import Any

from ain.text.languages import ARABIC

_MESSAGE = 4  # tokens of a message besides its text
_LATIN = re.compile(r"[\x00-\x7f]")
_CHARACTERS = {"o200k": (3.6, 3.3), "cl100k": (3.6, 1.25)}  # characters per token: Latin, Arabic; one in other scripts


def tokens(text: str, vocabulary: str = "o200k") -> int:
    latin, arabic = _CHARACTERS[vocabulary]
    of_latin, of_arabic = len(_LATIN.findall(text)), len(ARABIC.findall(text))
    return math.ceil(of_latin / latin + of_arabic / arabic + (len(text) - of_latin - of_arabic))


def image_tokens(width: int, height: int, rates: tuple[int, int] | None = None) -> int:
    """Return an image's tokens as OpenAI counts them: a base, plus a rate per tile of 512 pixels.

    The shorter side is first scaled to 768. Without rates, assume one token for 28 x 28 pixels, as in other models.
    """
    if rates is None:
        return math.ceil(width / 28) * math.ceil(height / 28)
    scale = min(1.0, 768 / min(width, height))
    tiles = math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
    return rates[0] + rates[1] * tiles


def without_images(messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Return the conversation without images, and the number of images removed."""
    made, seen = [], 0
    for message in messages:
        content = message["content"]
        if isinstance(content, list):
            seen += sum(part["type"] == "image_url" for part in content)
            content = [part for part in content if part["type"] != "image_url"]
        made.append({**message, "content": content})
    return made, seen


def request_tokens(messages: list[dict[str, Any]], vocabulary: str = "o200k") -> int:
    """Return a conversation's tokens. An image counts as 1,000, more than a screen-sized one has."""
    total = 0
    for message in messages:
        content = message["content"]
        parts: list[Any] = content if isinstance(content, list) else [{"type": "text", "text": content}]
        sizes = [tokens(part["text"], vocabulary) if part["type"] == "text" else 1_000 for part in parts]
        total += _MESSAGE + sum(sizes)
    return total
