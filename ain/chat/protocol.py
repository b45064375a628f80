"""OpenAI's protocol: writes requests, reads replies and interprets errors, for live requests and batches."""

import json
import os
import time
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import openai

from ain import UserError
from ain.chat import Reply, Request
from ain.chat.cost import Budget
from ain.chat.tokens import image_tokens, request_tokens, without_images

OPENAI = "https://api.openai.com/v1"
_KEYS = {  # parameter that a server rejects → setting that fixes it
    "max_tokens": "how.token_limit=max_completion_tokens",
    "max_completion_tokens": "how.token_limit=max_tokens",
    "temperature": "temperature=null",
    "reasoning_effort": "reasoning_effort=null",
    "response_format": "structured_output=none",
}


@dataclass(frozen=True)
class Endpoint:
    """A model on a server. `ain.chat.openai_api.OpenAIModel` explains the settings."""

    model: str
    base_url: str
    api_key_env: str | None
    temperature: float | None
    structured_output: str
    reasoning_effort: str | None
    token_limit: str
    vocabulary: str
    image_rates: tuple[int, int] | None
    where: str

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).netloc

    @property
    def is_openai(self) -> bool:
        return (urlsplit(self.base_url).hostname or "").endswith("openai.com")

    # The key

    def key(self) -> str:
        """Return the secret key. Pass it to the client and nowhere else."""
        if unset := self.missing_key():
            raise UserError(unset)
        return self._secret() or "none"

    def missing_key(self) -> str | None:
        """Return what to do if a key is needed and not set, otherwise None."""
        if self._secret() or not self.is_openai:
            return None
        name = self.api_key_env
        return f"{name} is not set: export {name}=..., or name another variable with {self.where}.how.api_key_env"

    def _secret(self) -> str:
        return os.environ.get(self.api_key_env, "").strip() if self.api_key_env else ""

    def clean(self, text: str) -> str:
        """Return a server's message, shortened, with the key masked in case the server repeats it."""
        key = self._secret()
        return (text.replace(key, "***") if key else text)[:300]

    # Requests

    def body(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self.model, "messages": request.messages}
        if self.temperature is not None:
            body["temperature"] = self.temperature
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

    # Errors

    def fatal(self, error: openai.APIStatusError) -> UserError | None:
        """Return the message for an error that no retry can fix and every request would get, otherwise None."""
        said = self.clean(error.message)
        if error.status_code == 400 and error.code in ("unsupported_parameter", "unsupported_value"):
            return UserError(f"{self.model} does not accept {error.param} as sent ({said}){self._remedy(error.param)}")
        if error.status_code == 401:
            return UserError(
                f"{self.host} refuses the key in {self.api_key_env or 'no variable'}: name the variable that holds it in "
                f"{self.where}.how.api_key_env"
            )
        if error.status_code == 403:
            return UserError(f"{self.host} does not allow this key to use {self.model}: {said}")
        if error.status_code == 404:
            return UserError(
                f"{self.host} has no model {self.model}, or is not that server: check {self.where}.model and "
                f"{self.where}.how.base_url"
            )
        if error.code == "insufficient_quota":
            return UserError(
                f"{self.host}: the account behind {self.api_key_env} has no credit left; add some and go on"
            )
        return None

    def _remedy(self, parameter: str | None) -> str:
        typed = _KEYS.get(parameter or "")
        return f": set {self.where}.{typed}" if typed else ""


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
    return Reply(text or "", finish, **counts, seconds=seconds)


def transient(error: BaseException) -> bool:
    """Return whether to retry: after rate limits, server errors, lost or silent connections and truncated answers."""
    if isinstance(error, openai.APIStatusError):
        status = error.status_code
        return status in (408, 409, 429) or status >= 500 if error.code != "insufficient_quota" else False
    if type(error).__module__.startswith("httpx"):  # an interrupted download
        return True
    return isinstance(error, openai.APIConnectionError | openai.APIResponseValidationError | TimeoutError | ValueError)


def retry_after(error: BaseException | None) -> float | None:
    """Return how many seconds a server asks to wait (given in seconds, milliseconds or as a date), or None."""
    headers = error.response.headers if isinstance(error, openai.APIStatusError) else {}
    try:
        if "retry-after-ms" in headers:
            return float(headers["retry-after-ms"]) / 1000
        given = headers.get("retry-after")
        if given is None or given.replace(".", "").isdigit():
            return None if given is None else float(given)
        return parsedate_to_datetime(given).timestamp() - time.time()
    except ValueError:
        return None


def in_words(error: BaseException) -> str:
    if isinstance(error, openai.APIStatusError):
        said = error.body.get("message") if isinstance(error.body, dict) else None
        return f"HTTP {error.status_code}: {said or error.message}"
    if isinstance(error, json.JSONDecodeError):
        return "an answer that is not JSON"
    cause = error.__cause__ or error
    return " ".join(f"{type(error).__name__} {cause}".split())
