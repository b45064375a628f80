"""How many tokens a text will be, without a vocabulary: OpenAI's must be downloaded, other servers have others.

Good enough to keep a rate and to estimate a price; what was really used comes with every reply. On questions and answers it
is on the safe side of o200k_base (GPT-4o) and cl100k_base (GPT-4), by up to a third.
"""

import math
import re
from typing import Any

from ain.text.languages import ARABIC

_MESSAGE = 4  # what a message costs besides its text
_LATIN = re.compile(r"[\x00-\x7f]")
_CHARACTERS = {"o200k": (3.6, 3.3), "cl100k": (3.6, 1.25)}  # characters a token: Latin, Arabic; elsewhere one


def tokens(text: str, vocabulary: str = "o200k") -> int:
    latin, arabic = _CHARACTERS[vocabulary]
    of_latin, of_arabic = len(_LATIN.findall(text)), len(ARABIC.findall(text))
    return math.ceil(of_latin / latin + of_arabic / arabic + (len(text) - of_latin - of_arabic))


def image_tokens(width: int, height: int, rates: tuple[int, int] | None = None) -> int:
    """Tokens of an image as OpenAI counts them: a base, and so much for each tile of 512 pixels after scaling the shorter
    side to 768. Other models take a token for about 28 x 28 pixels.
    """
    if rates is None:
        return math.ceil(width / 28) * math.ceil(height / 28)
    scale = min(1.0, 768 / min(width, height))
    tiles = math.ceil(width * scale / 512) * math.ceil(height * scale / 512)
    return rates[0] + rates[1] * tiles


def without_images(messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """The conversation's text alone, and how many images were in it."""
    made, seen = [], 0
    for message in messages:
        content = message["content"]
        if isinstance(content, list):
            seen += sum(part["type"] == "image_url" for part in content)
            content = [part for part in content if part["type"] != "image_url"]
        made.append({**message, "content": content})
    return made, seen


def request_tokens(messages: list[dict[str, Any]], vocabulary: str = "o200k") -> int:
    """Tokens of a conversation; an image counts as 1,000, more than a screenful of tiles."""
    total = 0
    for message in messages:
        content = message["content"]
        parts: list[Any] = content if isinstance(content, list) else [{"type": "text", "text": content}]
        sizes = [tokens(part["text"], vocabulary) if part["type"] == "text" else 1_000 for part in parts]
        total += _MESSAGE + sum(sizes)
    return total
