"""The OpenAI API and servers that speak its protocol (vLLM, Ollama, llama.cpp), through live requests or batches."""

import asyncio
import ipaddress
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from ain import UserError
from ain.chat import LanguageModel, Request, Take, cost
from ain.chat.batch import Batches
from ain.chat.live import Limits, Live
from ain.chat.protocol import OPENAI, Endpoint

Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
Prices = Annotated[list[Annotated[float, Field(ge=0)]], Field(min_length=2, max_length=2)]


class OpenAIModel(LanguageModel):
    """Sends requests over HTTP. A server on this machine or a private network is free unless a price is given.

    Args:
        temperature, reasoning_effort: null omits them, for models that do not accept them.
        structured_output: how the server is told to answer in JSON.
        token_limit: the server's parameter for the limit of an answer; null: max_completion_tokens for OpenAI's own
            API, max_tokens elsewhere.
        price: [input, output] in dollars per million tokens.
        max_attempts: how often a request is sent before it counts as unanswered.
        max_outage_s: stop the run when every request has failed for this long.
        batch_api: use OpenAI's Batch API, at half the price, within a day.
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
        base_url: str | None = None,
        api_key_env: str | None = None,
        token_limit: Literal["max_tokens", "max_completion_tokens"] | None = None,
        requests_per_minute: Positive | None = 500,
        tokens_per_minute: Positive | None = 200_000,
        concurrency: Count = 256,
        timeout_s: Positive = 120.0,
        max_attempts: Count = 8,
        max_outage_s: Positive = 120.0,
        skip_unanswered: bool = False,
        max_cost_usd: Annotated[float, Field(ge=0)] = 0.0,
        price: Prices | None = None,
        batch_api: bool = False,
        poll_s: Positive = 60.0,
        enqueued_tokens: Count = 2_000_000,
        where: str = "model",
    ) -> None:
        url = (base_url or OPENAI).rstrip("/")
        own = (urlsplit(url).hostname or "").endswith("openai.com")
        self.vocabulary, self.image_rates = cost.vocabulary(model), cost.image_rates(model)
        self.endpoint = Endpoint(
            model,
            url,
            api_key_env or ("OPENAI_API_KEY" if own else None),
            temperature,
            structured_output,
            reasoning_effort,
            token_limit or ("max_completion_tokens" if own else "max_tokens"),
            self.vocabulary,
            self.image_rates,
            where,
        )
        self.limits = Limits(requests_per_minute, tokens_per_minute, concurrency, timeout_s, max_attempts, max_outage_s)
        self.max_new_tokens = max_new_tokens
        self.skip_unanswered, self.max_cost_usd, self.where = skip_unanswered, max_cost_usd, where
        self._price = price
        self.batch_api, self.poll_s, self.enqueued_tokens = batch_api, poll_s, enqueued_tokens

    @property
    def identity(self) -> list[Any]:
        at = self.endpoint
        effort = [at.reasoning_effort] if at.reasoning_effort else []
        return [at.model, at.temperature, at.structured_output, *effort]

    @property
    def price(self) -> cost.Price | None:
        return self.priced(self.batch_api)

    def priced(self, batch: bool) -> cost.Price | None:
        at = self.endpoint
        if self._price:
            return cost.Price(self._price[0], self._price[1], as_of="as given")
        if not at.is_openai and not _private(at.base_url):
            raise UserError(
                f"{at.base_url} is neither OpenAI's nor on a private network: give {self.where}.how.price=[INPUT,OUTPUT] in "
                "dollars for a million tokens, [0,0] if it costs nothing"
            )
        return cost.price(at.model, batch, self.where) if at.is_openai else None

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
                self.endpoint, directory, budget, self.enqueued_tokens, self.poll_s, self.limits.max_attempts
            )
            batches.generate(requests, take)
        elif Batches.waiting(directory):
            raise UserError(
                "batches of an earlier run may be open, and paid for: fetch them with "
                f"{self.where}.how.batch_api=true, or give them up by deleting {directory}"
            )
        else:
            asyncio.run(Live(self.endpoint, self.limits, budget, take).generate(requests))


def _private(url: str) -> bool:
    """Return whether the URL is on this machine or a private network, and so free of charge."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal", ".lan"))
