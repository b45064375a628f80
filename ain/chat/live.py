"""Concurrent HTTP requests: within rate limits, with retries, and stopped by errors that no retry can fix."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import openai
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from ain import UserError
from ain.chat import Reply, Request, Take
from ain.chat.client import Client
from ain.chat.cost import Budget
from ain.chat.failures import Waits, fatal, in_words, retry_after, transient, unreachable, was_sent
from ain.chat.limits import Gate, Patience, Rates
from ain.chat.protocol import Endpoint

IN_A_ROW = 100  # consecutive refusals that stop the run: the cause is not the requests themselves
LOOK_S = 0.1  # seconds between two looks at the budget


@dataclass(frozen=True)
class Limits:
    """Rate limits, timeouts, and when to stop retrying."""

    requests_per_minute: float | None
    tokens_per_minute: float | None
    concurrency: int
    timeout_s: float
    max_attempts: int
    max_outage_s: float


class Live:
    """One round of requests. When it must stop, it still waits for requests in flight, because they are paid for.

    reached: whether the server has answered at all. Until then requests go one by one, and a failed connection stops
    the run at once; later it counts as an outage.
    """

    def __init__(self, endpoint: Endpoint, limits: Limits, budget: Budget, take: Take, reached: bool = False) -> None:
        self.endpoint, self.limits, self.budget, self.take, self.reached = endpoint, limits, budget, take, reached
        self.rates = Rates(limits.requests_per_minute, limits.tokens_per_minute)
        self.gate, self.patience = Gate(limits.concurrency, closed=not reached), Patience(limits.max_outage_s)
        self.error: BaseException | None = None  # why the round stops
        self.stopping = asyncio.Event()
        self.answered = self.refused = 0  # refused: number since the last answer
        self.waits = Waits(endpoint.host)
        self._backoff = wait_exponential_jitter(initial=0.25, max=60, jitter=0.5)

    async def generate(self, requests: Iterable[Request]) -> None:
        client = Client(self.endpoint, self.limits.timeout_s)
        persist = AsyncRetrying(
            retry=retry_if_exception(self._again),
            wait=self._wait,
            stop=stop_after_attempt(self.limits.max_attempts),
            sleep=self._sleep,
            reraise=True,
        ).wraps(partial(self._try, client))
        tasks: set[asyncio.Task[None]] = set()
        async with client:
            for request in requests:
                await self._room(tasks, request)
                if self.error:
                    break
                await self.gate.enter()
                task = asyncio.create_task(self._answer(request, persist))
                tasks.add(task)
                task.add_done_callback(partial(self._done, tasks))
            await asyncio.gather(*tasks, return_exceptions=True)
        if self.error:
            raise self.error

    async def _room(self, tasks: set[asyncio.Task[None]], request: Request) -> None:
        """Wait until the request may start: not too many requests await a retry, and its cost is promised."""
        while len(tasks) >= 2 * self.limits.concurrency and not self.error:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        while not self.error and not self.endpoint.promise(request, self.budget):
            if not tasks:
                return self._halt(self.budget.over())
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)  # answers cost less than promised

    def _halt(self, error: BaseException | None) -> None:
        if error and not self.error:
            self.error = error
            self.stopping.set()

    def _done(self, tasks: set[asyncio.Task[None]], task: asyncio.Task[None]) -> None:
        tasks.discard(task)
        self.gate.leave()
        if not task.cancelled():
            self._halt(task.exception())

    async def _answer(self, request: Request, persist: Any) -> None:
        try:
            reply = await persist(request)
        except (openai.OpenAIError, TimeoutError, ValueError) as error:
            self.budget.settle(request.key)
            if not self.error:
                self._failed(request, error)
        else:
            self.answered += 1
            self.refused = 0
            self.budget.settle(request.key, reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens)
            self.take(request, reply)

    async def _try(self, client: Client, request: Request) -> Reply:
        await self._afford(request)
        await self.rates.admit(self.endpoint.tokens(request) + request.max_tokens // 4)
        if self.error:
            raise openai.OpenAIError("stopped")
        started = time.perf_counter()
        try:
            body = await client.complete(self.endpoint.body(request), request.max_tokens)
            reply = self.endpoint.reply(body, request, time.perf_counter() - started)
        except (TimeoutError, ValueError, openai.APIConnectionError) as error:
            if was_sent(error):
                self.budget.lost(request.key)
            raise
        self.waits.over()
        self._reach()
        self.gate.went_well()
        self.patience.went_well()
        return reply

    def _reach(self) -> None:
        self.reached = True
        self.gate.open()

    def _again(self, error: BaseException) -> bool:
        if not self.reached:
            self._halt(unreachable(self.endpoint, error))
        if not transient(error) or self.error:
            return False
        self._reach()
        too_many = isinstance(error, openai.RateLimitError)
        if too_many or isinstance(error, TimeoutError):
            self.gate.limited()
        if seconds := retry_after(error):
            self.waits.begin(seconds)
            if too_many:
                self.rates.pause(seconds)
        self.patience.failed()
        if self.patience.over:
            words = self.endpoint.clean(in_words(error))
            self._halt(
                UserError(
                    f"every request to {self.endpoint.host} fails (the last: {words}); answers are kept: run the same "
                    "command to resume when the server works again"
                )
            )
        return self.error is None

    async def _afford(self, request: Request) -> None:
        """Promise a request's cost again if its last attempt was lost. Answers to others make room, as they cost less than
        promised; meanwhile it holds no slot, which they need."""
        if self.endpoint.promise(request, self.budget):
            return
        self.gate.leave()
        while not self.error and not self.endpoint.promise(request, self.budget):
            if not self.budget.open:
                self._halt(self.budget.over())
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), LOOK_S)
        await self.gate.enter()

    async def _sleep(self, seconds: float) -> None:
        """Back off without occupying a slot; return early if the round stops."""
        self.gate.leave()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)
        await self.gate.enter()

    def _wait(self, state: RetryCallState) -> float:
        return max(retry_after(state.outcome.exception() if state.outcome else None), self._backoff(state))

    def _failed(self, request: Request, error: Exception) -> None:
        """Handle a request that failed after all attempts.

        An error that every request would get stops the run; an error of this request becomes its reply.
        """
        words = self.endpoint.clean(in_words(error))
        if isinstance(error, openai.APIStatusError):
            self._halt(fatal(self.endpoint, error))
        if transient(error):
            return self.take(request, Reply(words, "unanswered"))
        self.refused += 1
        if self.refused >= (IN_A_ROW if self.answered else 10):
            self._halt(UserError(f"{self.endpoint.host} answers no request: {words}"))
        if not self.error:
            self.take(request, Reply(words, "failed"))
