"""Chat models behind one interface: requests in, replies with usage and finish reason out, in whatever order they come.

A chat has `identity` (what shapes an answer, for the ledger), `price` (None: it costs nothing) and

    ask(requests, take, directory)

which pulls requests as it has room for them, so that a million of them never stand in memory, and calls `take(request,
reply)` for each, once, as its answer arrives. `directory` is for what must survive a crash. Messages are OpenAI's; an image
is a part with a `data:` URL.
"""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ain.chat.cost import Price

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    key: str  # unlike any other's
    messages: list[Message]
    max_tokens: int  # of the answer
    schema: dict[str, Any] | None = None  # JSON schema that the answer must follow
    tag: Any = None  # the caller's own, plain values; comes back with the reply


@dataclass(frozen=True, slots=True)
class Reply:
    """`finish` is stop, length (the answer was cut), refusal or content_filter; or there is no answer and `text` says why:
    failed (this request will never get one) or unanswered (not now)."""

    text: str
    finish: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


Take = Callable[[Request, Reply], None]


class Chat(Protocol):
    identity: list[Any]
    price: Price | None

    def ask(self, requests: Iterable[Request], take: Take, directory: Path) -> None: ...


def image_part(data: bytes, kind: str = "png") -> dict[str, Any]:
    """An image as a part of a message."""
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{base64.b64encode(data).decode()}"}}


def images_of(messages: list[Message]) -> list[bytes]:
    """The images of a conversation in order, as they were put in."""
    parts = [part for message in messages if isinstance(message["content"], list) for part in message["content"]]
    return [
        base64.b64decode(part["image_url"]["url"].split(",", 1)[1]) for part in parts if part["type"] == "image_url"
    ]
