"""Language models behind one interface: local checkpoints, vLLM, OpenAI's protocol with its batches, and answer files.

    generate(requests, take, directory)     takes messages with media; gives text, finish reason and usage
    loglikelihood(requests)                 scores given continuations, if the model supports it

Messages have OpenAI's format; an image is a part with a `data:` URL.
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
Context = list[Message] | str  # a conversation, or a plain text that no chat template is applied to


@dataclass(frozen=True, slots=True)
class Request:
    key: str  # unique
    messages: list[Message]
    max_tokens: int  # of the answer
    schema: dict[str, Any] | None = None  # JSON schema that the answer must follow
    tag: Any = None  # the caller's own data, as plain values; passed back with the reply
    id: str = ""  # readable name of the thing that is asked about; need not be unique
    temperature: float | None = None  # the least that is wanted, from models that accept a temperature
    stop: tuple[str, ...] = ()  # texts that end the answer, which they are no part of


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's reply to one request.

    `finish` is stop, length (the answer was cut), refusal or content_filter. Without an answer it is failed (this
    request will never get one) or unanswered (it may get one later), and `text` is the reason.
    """

    text: str
    finish: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    cached_tokens: int = 0  # of the prompt, read from the server's cache at a lower price


class Score(NamedTuple):
    """A continuation's log-probability, summed over its tokens, and whether greedy decoding would produce exactly it."""

    logprob: float
    is_greedy: bool


Take = Callable[[Request, Reply], None]


class LanguageModel(ABC):
    """Base class of all language models.

    Models that cost money have a `price` and a `max_cost_usd`; models that may leave a request unanswered have
    `skip_unanswered`. `where` is the config key above `how`, for error messages.
    """

    where = ""
    max_cost_usd = 0.0
    skip_unanswered = False
    max_new_tokens = 256  # per answer, for callers without a limit of their own
    in_ledger = True  # store answers in the ledger
    deterministic = False  # the same request always gets the same answer
    window = 1  # answers that are made together, and stored together: then batches are the same after an interruption
    vocabulary = "o200k"
    image_rates: tuple[int, int] | None = None

    @property
    def price(self) -> Price | None:
        """The price of tokens, or None if answers are free."""
        return None

    @property
    def server(self) -> str | None:
        """Who answers: a server's host and path, or None if the model runs on this machine."""
        return None

    @property
    def gone(self) -> UserError | None:
        """Why the model cannot answer any more, or None. Answers that are in the ledger stay usable."""
        return None

    @property
    @abstractmethod
    def identity(self) -> list[Any]:
        """Everything besides the request that affects an answer; part of the ledger's keys."""

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
        """Answer the requests: call `take(request, reply)` once for each, in any order.

        Requests are pulled lazily, so that a million of them are never in memory together.

        Args:
            directory: for state that must survive a crash.
            engine: runs local models.
            budget: shared by several calls.
        """

    def loglikelihood(self, requests: Iterable[tuple[Context, str]]) -> list[Score]:
        """Return a score for each (context, continuation), in order. Raises UserError if the model cannot score.

        Requests with the same context should follow each other: the context is then computed once.
        """
        raise UserError(
            f"{type(self).__name__} cannot score continuations; use a checkpoint on this machine "
            "(_target_: ain.chat.local.LocalModel)"
        )

    def with_checkpoint(self, checkpoint: str, processor: Any = None) -> "LanguageModel":
        """Return a model with this checkpoint if this one was configured without a checkpoint, otherwise itself."""
        return self

    def one_by_one(self) -> "LanguageModel | None":
        """Return this model with one request in flight, to time its answers; None if its answers take no time."""
        return None

    def check_images(self) -> None:  # noqa: B027
        """Raise Unavailable if this model cannot read images here. By default, it can."""

    def digest(self) -> str | None:
        """Return what affects the answers but is not in the config's content (files, a server), or None."""
        return None


def image_part(data: bytes, kind: str = "png") -> dict[str, Any]:
    """Return an image as a part of a message."""
    return {"type": "image_url", "image_url": {"url": f"data:image/{kind};base64,{base64.b64encode(data).decode()}"}}


def user_message(text: str, images: list[dict[str, Any]]) -> Message:
    """Return a user message with each <image> placeholder of the text replaced by the next image part."""
    content: list[dict[str, Any]] = []
    waiting = iter(images)
    for piece in re.split(f"({IMAGE})", text):
        if piece == IMAGE:
            content.append(next(waiting))
        elif piece.strip():
            content.append({"type": "text", "text": piece.strip("\n")})
    return {"role": "user", "content": content}


def images_of(messages: list[Message]) -> list[bytes]:
    """Return the encoded images of a conversation, in order."""
    return [base64.b64decode(_data(part)) for part in _parts(messages) if part["type"] == "image_url"]


def compact(messages: list[Message]) -> list[Message]:
    """Return the conversation with each image replaced by its sha256, for keys."""
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
