"""Language models behind one interface: local checkpoints, vLLM, the OpenAI protocol and its batches, files of answers.

    generate(requests, take, directory)     messages with media in; text, finish reason and usage out
    loglikelihood(requests)                 how probable a model finds given continuations, where it can tell

Messages are OpenAI's; an image is a part with a `data:` URL.
"""

import base64
import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ain import UserError
from ain.chat.cost import Budget, Price
from ain.text.placeholders import IMAGE

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    key: str  # unique
    messages: list[Message]
    max_tokens: int  # of the answer
    schema: dict[str, Any] | None = None  # JSON schema that the answer must follow
    tag: Any = None  # the caller's own, plain values; comes back with the reply
    id: str = ""  # what people call the thing that is asked about; need not be unique


@dataclass(frozen=True, slots=True)
class Reply:
    """`finish` is stop, length (the answer was cut), refusal or content_filter. Without an answer it is failed (this
    request will never get one) or unanswered (not now), and `text` says why."""

    text: str
    finish: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0


class Score(NamedTuple):
    """logprob: sum over the continuation's tokens. is_greedy: greedy decoding would give exactly this continuation."""

    logprob: float
    is_greedy: bool


Take = Callable[[Request, Reply], None]


class LanguageModel(ABC):
    """Subclasses take plain arguments. Those that cost money have a price and a `max_cost_usd`; those that may leave a
    request without an answer have `skip_unanswered`. where: the config keys before `how`, for messages to people.
    """

    where = ""
    max_cost_usd = 0.0
    skip_unanswered = False
    max_new_tokens = 256  # of an answer, for callers that set no limit of their own
    in_ledger = True  # answers are kept there
    batched = False  # answers are computed in batches, which should be the same after an interruption
    vocabulary = "o200k"
    image_rates: tuple[int, int] | None = None

    @property
    def price(self) -> Price | None:
        """None: answers cost nothing but time."""
        return None

    @property
    @abstractmethod
    def identity(self) -> list[Any]:
        """What shapes an answer besides the request; part of the ledger's keys."""

    @abstractmethod
    def generate(
        self,
        requests: Iterable[Request],
        take: Take,
        directory: Path,
        *,
        engine: Any = None,
        budget: Budget | None = None,
    ) -> None:
        """Pulls requests as it has room for them, so that a million never stand in memory, and calls `take(request,
        reply)` once for each, in whatever order the answers come.

        directory: for what must survive a crash. engine: where local models work. budget: shared by several calls.
        """

    def loglikelihood(self, requests: Iterable[tuple[list[Message], str]]) -> list[Score]:
        """Of each (context, continuation) how probable the continuation is, in order."""
        raise UserError(
            f"{type(self).__name__} cannot score continuations; use a checkpoint on this machine "
            "(_target_: ain.chat.local.LocalModel)"
        )

    def with_checkpoint(self, checkpoint: str, processor: Any = None) -> "LanguageModel":
        """The model to ask about this checkpoint: itself, unless it was given no checkpoint of its own."""
        return self

    def digest(self) -> str | None:
        """Of files outside the config that shape the answers; None where there are none."""
        return None


def image_part(data: bytes, kind: str = "png") -> dict[str, Any]:
    """An image as a part of a message."""
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{base64.b64encode(data).decode()}"}}


def user_message(text: str, images: list[dict[str, Any]]) -> Message:
    """A question whose <image> placeholders are replaced by the given image parts."""
    content: list[dict[str, Any]] = []
    waiting = iter(images)
    for piece in re.split(f"({IMAGE})", text):
        if piece == IMAGE:
            content.append(next(waiting))
        elif piece.strip():
            content.append({"type": "text", "text": piece.strip("\n")})
    return {"role": "user", "content": content}


def images_of(messages: list[Message]) -> list[bytes]:
    """The images of a conversation in order, as they were put in."""
    return [base64.b64decode(_data(part)) for part in _parts(messages) if part["type"] == "image_url"]


def compact(messages: list[Message]) -> list[Message]:
    """The same conversation with the sha256 of each image in its place, for keys."""
    return [
        {**message, "content": [_named(part) for part in message["content"]]}
        if isinstance(message["content"], list)
        else message
        for message in messages
    ]


def _named(part: dict[str, Any]) -> dict[str, Any]:
    if part["type"] != "image_url":
        return part
    return {"type": "image", "sha256": hashlib.sha256(base64.b64decode(_data(part))).hexdigest()}


def _parts(messages: list[Message]) -> list[dict[str, Any]]:
    return [part for message in messages if isinstance(message["content"], list) for part in message["content"]]


def _data(part: dict[str, Any]) -> str:
    return str(part["image_url"]["url"].split(",", 1)[1])
