"""OpenAI's protocol: a model on a server, its secrets and requests, and reading its replies, live and in batches."""

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote, urlsplit

from ain import UserError
from ain.chat import Reply, Request
from ain.chat.cost import Budget
from ain.chat.shapes import Completion, parsed
from ain.chat.tokens import image_tokens, request_tokens, tokens, without_images
from ain.runtime.printable import one_line, printable

OPENAI, DEFAULT = "https://api.openai.com/v1", "api.openai.com"
NO_KEY = "none"
BYTES_PER_TOKEN = 64  # more than any token has
_CUT = {"length", "content_filter"}  # all other reasons to finish count as stop
_UNMASKED = (
    8  # characters; a shorter "key", such as EMPTY for a server of one's own, is a word that answers may contain
)
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")  # lower case is more likely to be a secret that was pasted


@dataclass(frozen=True)
class Endpoint:
    """A model on a server. `ain.chat.openai_api.OpenAIModel` explains the settings."""

    model: str
    base_url: str
    served_as: str | None
    api_key_env: str | None
    headers: dict[str, str]
    temperature: float | None
    structured_output: str
    reasoning_effort: str | None
    token_limit: str
    vocabulary: str
    image_rates: tuple[int, int] | None
    where: str

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc.rpartition("@")[2].lower()

    @property
    def server(self) -> str:
        """Return who answers, as part of the identity of answers: a name given to it, or host and path."""
        address = self.host + urlsplit(self.base_url).path.rstrip("/")
        return self.served_as or (DEFAULT if address == _address(OPENAI) else address)

    @property
    def is_openai(self) -> bool:
        return is_openai(self.base_url)

    # Secrets

    def credentials(self) -> dict[str, Any]:
        """Return the arguments of a client that carry secrets. Pass them to the client and nowhere else."""
        if unset := self.missing_key():
            raise UserError(unset)
        if wrong := next((name for name, value in self._secrets().items() if not _sendable(value)), None):
            raise UserError(
                f"the value of {wrong} cannot be a key: it has spaces or other than ASCII characters; export it again"
            )
        headers = {name: os.environ[variable].strip() for name, variable in self.headers.items()}
        return {"api_key": self._secrets().get(self.api_key_env or "", NO_KEY), "default_headers": headers}

    def missing_key(self) -> str | None:
        """Return what to do if a variable with a secret is not set, otherwise None."""
        for header, variable in self.headers.items():
            if not _VARIABLE.fullmatch(variable):  # the value is not repeated: it may be the secret itself
                return f"{self.where}.how.headers: give {header} the name of an environment variable, in capitals"
            if not os.environ.get(variable, "").strip():
                return f"{variable} is not set: export {variable}=..., or change {self.where}.how.headers"
        name = self.api_key_env
        if not name or os.environ.get(name, "").strip():
            return None
        return f"{name} is not set: export {name}=..., or name another variable with {self.where}.how.api_key_env"

    def _secrets(self) -> dict[str, str]:
        """Return variable → secret, for those that are set."""
        names = [*self.headers.values(), *([self.api_key_env] if self.api_key_env else [])]
        return {name: value for name in names if (value := os.environ.get(name, "").strip())}

    def masked(self, text: str, shortest: int = 1) -> str:
        """Return the text without secrets of at least this length, in case the server repeats them."""
        login = unquote(urlsplit(self.base_url).password or "")
        for secret in sorted({*self._secrets().values(), login}, key=len, reverse=True):
            text = text.replace(secret, "***") if len(secret) >= shortest else text
        return text

    def clean(self, text: str) -> str:
        """Return a server's message as one short line, safe to print, with secrets masked."""
        return one_line(self.masked(one_line(text)))[:300]

    # Requests

    def body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "messages": request.messages}
        if self.temperature is not None:
            body["temperature"] = max(self.temperature, request.temperature or 0.0)
        if self.reasoning_effort is not None:
            body["reasoning_effort"] = self.reasoning_effort
        body[self.token_limit] = request.max_tokens
        if request.stop:
            body["stop"] = list(request.stop)
        if request.schema and self.structured_output == "json_schema":
            named = {"name": "answer", "strict": True, "schema": request.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif request.schema and self.structured_output == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body

    def batch_line(self, request: Request) -> bytes:
        line = {"custom_id": request.key, "method": "POST", "url": "/v1/chat/completions", "body": self.body(request)}
        return json.dumps(line, ensure_ascii=False).encode() + b"\n"

    def tokens(self, request: Request) -> int:
        return request_tokens(request.messages, self.vocabulary)

    def promise(self, request: Request, budget: Budget) -> bool:
        """Reserve the request's maximum cost; return False if it could exceed the cap. Images count as their largest."""
        if budget.price is None:
            return True
        text, images = without_images(request.messages)
        size = len(json.dumps(self.body(replace(request, messages=text)), ensure_ascii=False).encode())
        most = image_tokens(2_048, 768, self.image_rates or (1_000, 1_000))
        return budget.promise(request.key, size + images * most, request.max_tokens)

    # Replies

    def reply(
        self, body: Any, request: Request, seconds: float = 0.0, prompt_tokens: Callable[[], int] | None = None
    ) -> Reply:
        """Return the reply in a chat completion, as bytes or parsed. Raises ValueError if it has another shape.

        Tokens that the server does not count are estimated. prompt_tokens: estimates those of a request without messages.
        """
        completion = parsed(Completion, body)
        choice, usage = completion.choices[0], completion.usage
        text, finish = choice.message.text, choice.finish_reason or "stop"
        finish = finish if finish in _CUT else "stop"
        if choice.message.refusal:
            text, finish = choice.message.refusal, "refusal"
        if len(text) > 4_096 + BYTES_PER_TOKEN * request.max_tokens:
            raise ValueError(f"an answer of {len(text):,} characters, where {request.max_tokens:,} tokens were allowed")
        asked, answered = (usage.prompt_tokens, usage.completion_tokens) if usage else (None, None)
        if asked is None:
            asked = prompt_tokens() if prompt_tokens else self.tokens(request)
        details = usage.prompt_tokens_details if usage else None
        return Reply(
            printable(self.masked(text, _UNMASKED)),
            finish,
            asked,
            tokens(text, self.vocabulary) if answered is None else answered,
            seconds,
            min((details.cached_tokens if details else None) or 0, asked),
        )


def is_openai(url: str) -> bool:
    return f".{urlsplit(url).hostname}".endswith(".openai.com")


def _address(url: str) -> str:
    return urlsplit(url).netloc + urlsplit(url).path


def _sendable(secret: str) -> bool:
    return secret.isascii() and secret.isprintable() and " " not in secret
