"""The OpenAI API, and every server that speaks its protocol (vLLM, Ollama, llama.cpp): many requests at once, within limits."""

import ipaddress
import json
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai

from ain import UserError
from ain.chat import Reply, Request, Take, cost
from ain.chat.tokens import image_tokens, request_tokens, without_images

OPENAI = "https://api.openai.com/v1"


class OpenAIChat:
    """Asks over HTTP. With a base_url of one's own the answers cost nothing, unless a price is given.

    structured: json_schema | json_object | none: how the server is told to answer in JSON. price: [input, output] in dollars
    for a million tokens. tries: how often one request is sent before it counts as failed. patience_s: when every request
    has failed for so long, the run stops. batch_api: send through OpenAI's Batch API, at half the price, within a day;
    enqueued_tokens: how many tokens it takes at a time.
    """

    def __init__(
        self,
        model: str,
        temperature: float = 0.0,
        structured: str = "json_schema",
        base_url: str | None = None,
        api_key_env: str | None = None,
        requests_per_minute: float | None = 500,
        tokens_per_minute: float | None = 200_000,
        concurrency: int = 256,
        timeout_s: float = 120.0,
        tries: int = 8,
        patience_s: float = 120.0,
        price: list[float] | None = None,
        batch_api: bool = False,
        poll_s: float = 60.0,
        enqueued_tokens: int = 2_000_000,
    ) -> None:
        if not model:
            raise UserError("no model is named; add translator.model=NAME or screener.model=NAME to the command")
        self.where = "how"  # the config keys of all this, which whoever asks may name better
        self.model, self.temperature, self.structured = model, temperature, structured
        self.base_url = (base_url or OPENAI).rstrip("/")
        self._openai = (urlsplit(self.base_url).hostname or "").endswith("openai.com")
        self.api_key_env = api_key_env or ("OPENAI_API_KEY" if self._openai else None)
        self.requests_per_minute, self.tokens_per_minute = requests_per_minute, tokens_per_minute
        self.concurrency, self.timeout_s, self.tries, self.patience_s = concurrency, timeout_s, tries, patience_s
        if price is not None and (len(price) != 2 or not all(isinstance(one, int | float) for one in price)):
            raise UserError(f"price={price}: give two numbers, [INPUT,OUTPUT], in dollars for a million tokens")
        self._price = price
        self.batch_api, self.poll_s, self.enqueued_tokens = batch_api, poll_s, enqueued_tokens
        self.vocabulary = cost.vocabulary(model)
        self.image_rates = cost.image_rates(model)
        self.budget = cost.Budget(None, 0.0)

    @property
    def identity(self) -> list[Any]:
        return [self.model, self.temperature, self.structured]

    @property
    def price(self) -> cost.Price | None:
        return self.priced(self.batch_api)

    def priced(self, batch: bool) -> cost.Price | None:
        if self._price:
            return cost.Price(self._price[0], self._price[1], as_of="as given")
        if not self._openai and not _near(self.base_url):
            raise UserError(
                f"{self.base_url} is neither OpenAI's nor on a network of your own: give "
                f"{self.where}.price=[INPUT,OUTPUT] in dollars for a million tokens, [0,0] if it costs nothing"
            )
        return cost.price(self.model, batch, self.where) if self._openai else None

    def ask(self, requests: Iterable[Request], take: Take, directory: Path) -> None:
        from ain.chat.batch import Batches

        if self.batch_api:
            Batches(self, directory).ask(requests, take)
        elif Batches.waiting(directory):
            raise UserError(
                f"batches of an earlier run may be open, and paid for: fetch them with {self.where}.batch_api=true, "
                f"or give them up by deleting {directory}"
            )
        else:
            import asyncio

            from ain.chat.live import Live

            asyncio.run(Live(self, take).ask(requests))

    def key(self) -> str:
        """The secret itself: it goes into the client and nowhere else."""
        if unset := self.missing_key():
            raise UserError(unset)
        return self._secret() or "none"

    def missing_key(self) -> str | None:
        """What to do where a key is wanted and none is set."""
        if self._secret() or not self._openai:
            return None
        name = self.api_key_env
        return f"{name} is not set: export {name}=..., or name another variable with {self.where}.api_key_env"

    def _secret(self) -> str:
        return os.environ.get(self.api_key_env, "").strip() if self.api_key_env else ""

    def clean(self, text: str) -> str:
        """A server's words without the key, should it repeat it."""
        key = self._secret()
        return (text.replace(key, "***") if key else text)[:300]

    def body(self, request: Request) -> dict[str, Any]:
        body = {
            "model": self.model,
            "messages": request.messages,
            "temperature": self.temperature,
            "max_tokens": request.max_tokens,
        }
        if request.schema and self.structured == "json_schema":
            named = {"name": "answer", "strict": True, "schema": request.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif request.schema and self.structured == "json_object":
            body["response_format"] = {"type": "json_object"}
        return body

    def tokens(self, request: Request) -> int:
        return request_tokens(request.messages, self.vocabulary)

    def promise(self, request: Request) -> bool:
        """False where the answer to this request could carry what is spent past the cap. An image counts at its most."""
        if self.budget.price is None:
            return True
        text, images = without_images(request.messages)
        size = len(json.dumps(self.body(replace(request, messages=text)), ensure_ascii=False).encode())
        most = image_tokens(2_048, 768, self.image_rates or (1_000, 1_000))
        return self.budget.promise(request.key, size + images * most, request.max_tokens)

    def sentence(self, error: openai.APIStatusError) -> UserError | None:
        """What no retry mends and no other request would survive."""
        host = urlsplit(self.base_url).netloc
        if error.status_code == 401:
            return UserError(
                f"{host} refuses the key in {self.api_key_env or 'no variable'}: name the variable that holds it in "
                f"{self.where}.api_key_env"
            )
        if error.status_code == 403:
            return UserError(f"{host} does not allow this key to use {self.model}: {self.clean(error.message)}")
        if error.status_code == 404:
            return UserError(
                f"{host} has no model {self.model}, or is not that server: check model and {self.where}.base_url"
            )
        if error.code == "insufficient_quota":
            return UserError(f"{host}: the account behind {self.api_key_env} has no credit left; add some and go on")
        return None


def _near(url: str) -> bool:
    """On this machine or a private network, where nobody sends a bill."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".lan"))


def read(body: Any, seconds: float = 0.0) -> Reply:
    """A reply from a chat completion's JSON; ValueError where it is none."""
    try:
        choice, usage = body["choices"][0], body.get("usage") or {}
        message, finish = choice["message"], choice.get("finish_reason") or "stop"
        text = message.get("content")
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(f"no chat completion: {str(body)[:80]}") from error
    counts = {name: int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")}
    if message.get("refusal"):
        text, finish = message["refusal"], "refusal"
    return Reply(text or "", finish, **counts, seconds=seconds)


def transient(error: BaseException) -> bool:
    """Worth another try: too many requests, a server's own fault, a lost or silent connection, an answer cut in transit."""
    if isinstance(error, openai.APIStatusError):
        status = error.status_code
        return status in (408, 409, 429) or status >= 500 if error.code != "insufficient_quota" else False
    if type(error).__module__.startswith("httpx"):  # a download that broke off
        return True
    return isinstance(error, openai.APIConnectionError | openai.APIResponseValidationError | TimeoutError | ValueError)


def retry_after(error: BaseException | None) -> float | None:
    """Seconds that a server asks to wait, given in seconds, milliseconds or as a date."""
    headers = error.response.headers if isinstance(error, openai.APIStatusError) else {}
    try:
        if "retry-after-ms" in headers:
            return float(headers["retry-after-ms"]) / 1000
        if "retry-after" not in headers:
            return None
        given = headers["retry-after"]
        return (
            float(given) if given.replace(".", "").isdigit() else parsedate_to_datetime(given).timestamp() - time.time()
        )
    except ValueError:
        return None


def said(error: BaseException) -> str:
    if isinstance(error, openai.APIStatusError):
        said = error.body.get("message") if isinstance(error.body, dict) else None
        return f"HTTP {error.status_code}: {said or error.message}"
    if isinstance(error, json.JSONDecodeError):
        return "an answer that is no JSON"
    cause = error.__cause__ or error
    return " ".join(f"{type(error).__name__} {cause}".split())
