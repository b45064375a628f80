"""Read the content of a message: text, a number, or a list of parts as chat templates take them."""

import math
import re
from typing import Any

from ain.text.placeholders import IMAGE, VIDEO

_URL = re.compile(r"(https?|ftp|s3|gs)://|data:", re.I)
_IMAGE_KEYS = ("image", "path", "url", "image_url")


class Unreadable(Exception):
    """Content that cannot be read. The message continues "a message of user ...": "has no text"."""


def shown(value: Any) -> str:
    """Return a few words on a value of any kind, for a reason. Lists and objects may be too deep to be written."""
    if isinstance(value, list):
        return "a list"
    if isinstance(value, dict):
        return "an object"
    return "null" if value is None else str(value)[:40]


def by_url(image: Any) -> str | None:
    """Return the reason to reject an image given by URL, or None for another one: nothing is downloaded."""
    if isinstance(image, dict) and not image.get("bytes"):
        image = image.get("url") or image.get("path")
    if not isinstance(image, str) or not _URL.match(image):
        return None
    return f"image given by URL, which is not downloaded: {image[:60]}"


def text(content: Any, images: list[Any]) -> str:
    """Return a message's text, with a placeholder for each part that is an image or a video.

    Images that parts carry themselves are appended to `images`. Raise Unreadable for what is no text.
    """
    if isinstance(content, str):
        return content
    if isinstance(content, int | float) and not isinstance(content, bool) and math.isfinite(content):
        return str(content)
    if not isinstance(content, list) or not content:
        raise Unreadable("has no text")
    if len(content) > 1 and all(isinstance(part, str) for part in content):
        raise Unreadable(f"has {len(content)} texts: expected one")
    return "".join(part if isinstance(part, str) else _part(part, images) for part in content)


def _part(part: Any, images: list[Any]) -> str:
    if not isinstance(part, dict):
        raise Unreadable(f"has a part that is no object: {shown(part)}")
    kind = part.get("type")
    if kind == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    if kind in ("image", "image_url"):
        images += [part[key] for key in _IMAGE_KEYS if part.get(key)]
        return IMAGE
    if kind == "video" and not part.get("video"):
        return VIDEO
    if kind == "video":
        raise Unreadable("holds a video itself: expected its frames under videos")
    raise Unreadable(f"has a part that is neither text nor image: {shown(kind)}")
