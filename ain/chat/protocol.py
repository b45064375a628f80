"""OpenAI's protocol: a model on a server, its secrets and requests, and reading its replies, live and in batches."""

import json
import os
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from ain import UserError
from ain.chat import Reply, Request
from ain.chat.cost import Budget
from ain.chat.tokens import image_tokens, request_tokens, without_images

OPENAI, DEFAULT = "https://api.openai.com/v1", "api.openai.com"
NO_KEY = "none"
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

    def clean(self, text: str) -> str:
        """Return a server's message, shortened, with secrets masked in case the server repeats them."""
        for secret in self._secrets().values():
            text = text.replace(secret, "***")
        return text[:300]

    # Requests

    def body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "messages": request.messages}
        if self.temperature is not None:
            body["temperature"] = max(self.temperature, request.temperature or 0.0)
        if self.reasoning_effort is not None:
            body["reasoning_effort"] = self.reasoning_effort
        body[self.token_limit] = request.max_tokens
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


def is_openai(url: str) -> bool:
    return f".{urlsplit(url).hostname}".endswith(".openai.com")


def _address(url: str) -> str:
    return urlsplit(url).netloc + urlsplit(url).path


def _sendable(secret: str) -> bool:
    return secret.isascii() and secret.isprintable() and " " not in secret


def without_key(request: Any) -> None:
    """Remove the header that the client sends even without a key: a server may prefer it to the right one."""
    if request.headers.get("Authorization") == f"Bearer {NO_KEY}":
        del request.headers["Authorization"]


async def without_key_async(request: Any) -> None:
    without_key(request)


def read(body: Any, seconds: float = 0.0) -> Reply:
    """Return the reply in a chat completion's JSON. Raises ValueError if it is not a chat completion."""
    try:
        choice, usage = body["choices"][0], body.get("usage") or {}
        message, finish = choice["message"], choice.get("finish_reason") or "stop"
        text = message.get("content")
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"not a chat completion: {str(body)[:80]}") from error
    counts = {name: int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")}
    if message.get("refusal"):
        text, finish = message["refusal"], "refusal"
    cached = int((usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0)
    return Reply(text or "", finish, **counts, seconds=seconds, cached_tokens=cached)
