"""The OpenAI API, and every server that speaks its protocol (vLLM, Ollama, llama.cpp): many requests at once, within limits."""

import asyncio
import json
import os
import time
from collections.abc import Iterable
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from ain import UserError
from ain.chat import Reply, Request, Take, cost
from ain.chat.limits import Gate, Patience, Rates
from ain.chat.tokens import request_tokens

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
        api_key_env: str = "OPENAI_API_KEY",
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
        self.model, self.temperature, self.structured = model, temperature, structured
        self.base_url = (base_url or OPENAI).rstrip("/")
        self.api_key_env = api_key_env
        self.requests_per_minute, self.tokens_per_minute = requests_per_minute, tokens_per_minute
        self.concurrency, self.timeout_s, self.tries, self.patience_s = concurrency, timeout_s, tries, patience_s
        self._price = price
        self.batch_api, self.poll_s, self.enqueued_tokens = batch_api, poll_s, enqueued_tokens
        self.vocabulary = cost.vocabulary(model)
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
        return cost.price(self.model, batch) if self.base_url == OPENAI else None

    def ask(self, requests: Iterable[Request], take: Take, directory: Path) -> None:
        if self.batch_api:
            from ain.chat.batch import Batches

            Batches(self, directory).ask(requests, take)
        else:
            asyncio.run(Live(self, take).ask(requests))

    def key(self) -> str:
        """The secret itself: it goes into the client and nowhere else."""
        key = os.environ.get(self.api_key_env, "").strip()
        if not key and self.base_url == OPENAI:
            raise UserError(
                f"{self.api_key_env} is not set: export {self.api_key_env}=..., or name another variable with how.api_key_env"
            )
        return key or "none"

    def clean(self, text: str) -> str:
        """A server's words without the key, should it repeat it."""
        key = os.environ.get(self.api_key_env, "").strip()
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

    def sentence(self, error: openai.APIStatusError) -> UserError | None:
        """What no retry mends and no other request would survive."""
        host = urlsplit(self.base_url).netloc
        if error.status_code == 401:
            return UserError(
                f"{host} refuses the key in {self.api_key_env}: set a valid one, or name its variable in how.api_key_env"
            )
        if error.status_code == 403:
            return UserError(f"{host} does not allow this key to use {self.model}: {self.clean(error.message)}")
        if error.status_code == 404:
            return UserError(f"{host} has no model {self.model}, or is not that server: check model and how.base_url")
        if error.code == "insufficient_quota":
            return UserError(f"{host}: the account behind {self.api_key_env} has no credit left; add some and go on")
        return None


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


class Live:
    """One round of asking. In-flight requests are always waited for: their answers are paid."""

    def __init__(self, chat: OpenAIChat, take: Take) -> None:
        self.chat, self.take = chat, take
        self.rates = Rates(chat.requests_per_minute, chat.tokens_per_minute)
        self.gate, self.patience = Gate(chat.concurrency), Patience(chat.patience_s)
        self.stop: BaseException | None = None
        self.answered = self.refused = 0
        self._backoff = wait_exponential_jitter(initial=0.25, max=60, jitter=0.5)

    async def ask(self, requests: Iterable[Request]) -> None:
        client = openai.AsyncOpenAI(
            api_key=self.chat.key(),
            base_url=self.chat.base_url,
            timeout=self.chat.timeout_s + 5,  # ours, of the whole answer, comes first
            max_retries=0,  # ours pass the limiter
            http_client=openai.DefaultAioHttpClient(),  # a third of the CPU time of the default
        )
        persist = AsyncRetrying(
            retry=retry_if_exception(self._again),
            wait=self._wait,
            stop=stop_after_attempt(self.chat.tries),
            sleep=self._sleep,
            reraise=True,
        ).wraps(partial(self._try, client))
        tasks: set[asyncio.Task[None]] = set()
        async with client:
            for request in requests:
                while len(tasks) >= 2 * self.chat.concurrency:  # most of them wait for another try
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                await self.gate.enter()
                if self.stop:
                    break
                while not self.chat.budget.promise(request.key, self.chat.tokens(request), request.max_tokens):
                    if not tasks:
                        self.stop = self.chat.budget.over()
                        break
                    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)  # answers cost less than they may
                if self.stop:
                    break
                task = asyncio.create_task(self._answer(request, persist))
                tasks.add(task)
                task.add_done_callback(partial(self._done, tasks))
            await asyncio.gather(*tasks, return_exceptions=True)
        if self.stop:
            raise self.stop

    def _done(self, tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        self.gate.leave()
        if not task.cancelled() and task.exception():
            self.stop = self.stop or task.exception()

    async def _answer(self, request: Request, persist: Any) -> None:
        try:
            reply = await persist(request)
        except (openai.OpenAIError, TimeoutError, ValueError) as error:
            self._settle(request, None)
            if not self.stop:
                self._failed(request, error)
        else:
            self.answered += 1
            self._settle(request, reply)
            self.take(request, reply)

    def _settle(self, request: Request, reply: Reply | None) -> None:
        used = (reply.prompt_tokens, reply.completion_tokens) if reply else (0, 0)
        self.chat.budget.settle(request.key, *used)

    async def _try(self, client: openai.AsyncOpenAI, request: Request) -> Reply:
        if self.stop:
            raise openai.OpenAIError("stopped")
        await self.rates.admit(self.chat.tokens(request) + request.max_tokens // 4)
        started = time.perf_counter()
        async with asyncio.timeout(self.chat.timeout_s):  # the client's own begins anew with each byte
            body = await client.post("/chat/completions", cast_to=object, body=self.chat.body(request))
        reply = read(body, time.perf_counter() - started)
        self.gate.went_well()
        self.patience.went_well()
        return reply

    def _again(self, error: BaseException) -> bool:
        if not transient(error) or self.stop:
            return False
        too_many = isinstance(error, openai.RateLimitError)
        if too_many or isinstance(error, TimeoutError):
            self.gate.balked()
        if too_many and (seconds := retry_after(error)):
            self.rates.pause(min(seconds, 300))
        if not too_many:
            self.patience.failed()
        if self.patience.over:
            self.stop = UserError(
                f"every request to {urlsplit(self.chat.base_url).netloc} fails (the last: {self.chat.clean(_said(error))}); "
                "nothing that was answered is lost, and the same command goes on when the server does"
            )
        return self.stop is None

    async def _sleep(self, seconds: float) -> None:
        """Back-off takes no room from others."""
        self.gate.leave()
        await asyncio.sleep(seconds)
        await self.gate.enter()

    def _wait(self, state: RetryCallState) -> float:
        asked = retry_after(state.outcome.exception() if state.outcome else None) or 0.0
        return max(asked, self._backoff(state))

    def _failed(self, request: Request, error: Exception) -> None:
        """No answer, for good. What befalls every request stops the run; what befalls this one is its reply."""
        said = self.chat.clean(_said(error))
        if isinstance(error, openai.APIStatusError):
            self.stop = self.chat.sentence(error)
        self.refused += 1
        if not self.stop and not self.answered and self.refused >= 10:
            self.stop = UserError(f"{urlsplit(self.chat.base_url).netloc} answers no request: {said}")
        if not self.stop:
            self.take(request, Reply(said, "failed"))


def _said(error: BaseException) -> str:
    if isinstance(error, openai.APIStatusError):
        said = error.body.get("message") if isinstance(error.body, dict) else None
        return f"HTTP {error.status_code}: {said or error.message}"
    if isinstance(error, json.JSONDecodeError):
        return "an answer that is no JSON"
    cause = error.__cause__ or error
    return " ".join(f"{type(error).__name__} {cause}".split())
