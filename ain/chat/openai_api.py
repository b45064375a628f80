"""The OpenAI API and servers that speak its protocol (Azure, Gemini, vLLM, Ollama), through live requests or batches."""

import asyncio
import ipaddress
from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import replace
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from ain import Unavailable, UserError
from ain.chat import LanguageModel, Request, Take, cost
from ain.chat.batch import Batches
from ain.chat.live import Limits, Live
from ain.chat.protocol import DEFAULT, OPENAI, Endpoint, is_openai

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
Rate = Positive | Literal["auto"] | None
Prices = Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=2, max_length=2)]


class OpenAIModel(LanguageModel):
    """Sends requests over HTTP. A server on this machine or a private network is free unless a price is given.

    Args:
        temperature, reasoning_effort: null omits them, for models that do not accept them.
        structured_output: how the server is told to answer in JSON.
        served_as: a name for what answers, which stands for the server's address in the identity of answers: servers
            with the same name and model share them.
        base_url: of the server; null: OpenAI's API.
        api_key_env: environment variable with the key; null: OPENAI_API_KEY for OpenAI's API, none for others.
        headers: further headers of each request → the environment variable with the value.
        token_limit: the server's parameter for the limit of an answer; null: max_completion_tokens for OpenAI's own
            API, max_tokens elsewhere.
        requests_per_minute, tokens_per_minute: auto: 500 and 200,000, and no limit on a private network.
        price: [input, output] in dollars per million tokens.
        priced_as: the model of the price table that costs the same, for deployments and other providers.
        max_attempts: how often a request is sent before it counts as unanswered.
        max_outage_s: stop the run when every request has failed for this long.
        batch_api: use OpenAI's Batch API, at half the price, within a day.
        poll_s: the longest wait between two looks at a batch.
        enqueued_tokens: how many tokens the Batch API accepts at a time.
        max_cost_usd: cost limit for all runs of one stage together.
    """

    def __init__(
        self,
        model: Annotated[str, Field(min_length=1)],
        temperature: Annotated[float, Field(ge=0)] | None = 0.0,
        structured_output: Literal["json_schema", "json_object", "none"] = "json_schema",
        reasoning_effort: str | None = None,
        max_new_tokens: Count = 256,
        served_as: Annotated[str, Field(min_length=1)] | None = None,
        base_url: str | None = None,
        api_key_env: str | None = None,
        headers: dict[str, str] | None = None,
        token_limit: Literal["max_tokens", "max_completion_tokens"] | None = None,
        requests_per_minute: Rate = "auto",
        tokens_per_minute: Rate = "auto",
        concurrency: Count = 256,
        timeout_s: Positive = 120.0,
        max_attempts: Count = 8,
        max_outage_s: Positive = 120.0,
        skip_unanswered: bool = False,
        max_cost_usd: Annotated[float, Field(ge=0)] = 0.0,
        price: Prices | None = None,
        priced_as: str | None = None,
        batch_api: bool = False,
        poll_s: Positive = 60.0,
        enqueued_tokens: Count = 2_000_000,
        where: str = "model",
    ) -> None:
        url = (base_url or OPENAI).rstrip("/")
        if not urlsplit(url).hostname:
            raise UserError(f"{where}.how.base_url={base_url}: give a URL, as http://localhost:8000/v1")
        self.vocabulary, self.image_rates = cost.vocabulary(priced_as or model), cost.image_rates(priced_as or model)
        self.endpoint = Endpoint(
            model=model,
            base_url=url,
            served_as=served_as,
            api_key_env=api_key_env or ("OPENAI_API_KEY" if is_openai(url) and not headers else None),
            headers=headers or {},
            temperature=temperature,
            structured_output=structured_output,
            reasoning_effort=reasoning_effort,
            token_limit=token_limit or ("max_completion_tokens" if is_openai(url) else "max_tokens"),
            vocabulary=self.vocabulary,
            image_rates=self.image_rates,
            where=where,
        )
        self.limits = Limits(
            _rate(requests_per_minute, url, 500),
            _rate(tokens_per_minute, url, 200_000),
            concurrency,
            timeout_s,
            max_attempts,
            max_outage_s,
        )
        self.max_new_tokens = max_new_tokens
        self.skip_unanswered, self.max_cost_usd, self.where = skip_unanswered, max_cost_usd, where
        self._price, self._priced_as = price, priced_as or (model if self.endpoint.is_openai else None)
        self.batch_api, self.poll_s, self.enqueued_tokens = batch_api, poll_s, enqueued_tokens
        self._reached = False  # whether the server has answered in this process
        if max_cost_usd and not price and not self._priced_as:
            raise UserError(f"{where}.how.max_cost_usd={max_cost_usd:g} needs a price: {self._give_price()}")

    @property
    def server(self) -> str:
        return self.endpoint.server

    @property
    def identity(self) -> list[Any]:
        at = self.endpoint
        effort = [at.reasoning_effort] if at.reasoning_effort else []
        server = [] if at.server == DEFAULT else [{"server": at.server}]
        return [at.model, at.temperature, at.structured_output, *effort, *server]

    def digest(self) -> str | None:
        """Return the server's address, unless it is the default or has a name in the config."""
        at = self.endpoint
        return None if at.served_as or at.server == DEFAULT else at.server

    @property
    def gone(self) -> UserError | None:
        at, ends = self.endpoint, cost.shutdown(self.endpoint.model)
        if not at.is_openai or ends is None or date.today() < ends:
            return None
        group = self.where.split(".")[0]
        return Unavailable(
            f"{at.model} was shut down on {ends}: choose {group}={cost.replacement()}, or set {self.where}.model"
        )

    def one_by_one(self) -> "OpenAIModel":
        model = copy(self)
        model.limits, model.batch_api = replace(self.limits, concurrency=1), False
        return model

    @property
    def shutdown(self) -> date | None:
        """The announced end of the model, if it is still to come."""
        return cost.shutdown(self.endpoint.model) if self.endpoint.is_openai and not self.gone else None

    @property
    def price(self) -> cost.Price | None:
        return self.priced(self.batch_api)

    def priced(self, batch: bool) -> cost.Price | None:
        if self._price:
            return cost.Price(self._price[0], self._price[1], self._price[0], as_of="as given")
        if self._priced_as:
            return cost.price(self._priced_as, batch, f"{self.where}.how.price")
        if not _private(self.endpoint.base_url):
            raise UserError(
                f"{self.endpoint.base_url} is neither OpenAI's nor on a private network: {self._give_price()}"
            )
        return None

    def _give_price(self) -> str:
        how = f"{self.where}.how"
        return (
            f"give {how}.price=[INPUT,OUTPUT] in dollars for a million tokens ([0,0] if it costs nothing), or "
            f"{how}.priced_as=MODEL of the price table"
        )

    def generate(
        self,
        requests: Iterable[Request],
        take: Take,
        directory: Path,
        *,
        engine: Any = None,
        budget: cost.Budget | None = None,
    ) -> None:
        budget = budget or cost.Budget(self.price, self.max_cost_usd, where=self.where)
        if self.batch_api:
            batches = Batches(
                self.endpoint,
                directory,
                budget,
                self.enqueued_tokens,
                self.poll_s,
                self.limits.max_attempts,
                self.limits.timeout_s,
            )
            batches.generate(requests, take)
        elif Batches.waiting(directory):
            raise UserError(
                "batches of an earlier run may be open, and paid for: fetch them with "
                f"{self.where}.how.batch_api=true, or give them up by deleting {directory}"
            )
        else:
            self._ask_live(iter(requests), take, budget)

    def _ask_live(self, requests: Iterator[Request], take: Take, budget: cost.Budget) -> None:
        """Ask one round. Without any request it needs no key and no server."""
        for first in requests:
            live = Live(self.endpoint, self.limits, budget, take, self._reached)
            try:
                asyncio.run(live.generate(chain([first], requests)))
            finally:
                self._reached = live.reached


def _rate(given: float | str | None, url: str, usual: float) -> float | None:
    """Return a limit a minute, or None for no limit: a server of one's own has none unless it is set."""
    if isinstance(given, str):
        return None if _private(url) else usual
    return given


def _private(url: str) -> bool:
    """Return whether the URL is on this machine or a private network, and so free of charge."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".lan"))
