"""Estimates of requests, tokens, cost and time for many records or images, and a summary of what translating used."""

import math
from dataclasses import dataclass, replace
from typing import Any

from ain.runtime.durations import rough


@dataclass
class Estimate:
    """Counts over records. `naive_tokens` assumes one request for each whole record."""

    model: Any
    what: str = "records"
    records: int = 0
    requests: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    naive_tokens: int = 0
    spent: float = 0.0  # dollars spent by earlier runs of the same stage

    def add(self, naive: tuple[int, int], requests: list[tuple[int, int]]) -> None:
        self.records += 1
        self.naive_tokens += sum(naive)
        self.requests += len(requests)
        self.prompt_tokens += sum(prompt for prompt, _ in requests)
        self.completion_tokens += sum(answer for _, answer in requests)

    def times(self, factor: float) -> "Estimate":
        """Return this estimate of a sample for so many times as many."""
        counts = ("records", "requests", "prompt_tokens", "completion_tokens", "naive_tokens")
        return replace(self, **{name: round(factor * getattr(self, name)) for name in counts})

    def cost(self, batch: bool) -> float:
        price = self.model.priced(batch)
        return float(price.of(self.prompt_tokens, self.completion_tokens)) if price else 0.0

    @property
    def usd(self) -> float:
        return self.cost(self.model.batch_api)

    @property
    def minutes(self) -> float:
        """Time at the configured rate limits. Generating answers overlaps with it and adds nothing."""
        tokens = self.prompt_tokens + self.completion_tokens
        rates = (
            (self.requests, self.model.limits.requests_per_minute),
            (tokens, self.model.limits.tokens_per_minute),
        )
        return max([count / rate for count, rate in rates if rate] or [0.0])

    def lines(self) -> list[str]:
        tokens = self.prompt_tokens + self.completion_tokens
        lines = [
            f"{self.records:,} {self.what} need {self.requests:,} requests and about {tokens:,} tokens "
            f"(asked one by one: {self.records:,} and {self.naive_tokens:,})",
        ]
        if not hasattr(self.model, "priced"):  # the model does not run on a server
            return lines
        lines.append(f"live: about {_dollars(self.cost(False))}, {rough(60 * self.minutes)} at {self._limits()}")
        if self.model.priced(False):
            days = math.ceil(self.prompt_tokens / self.model.enqueued_tokens)
            lines.append(
                f"batch: about {_dollars(self.cost(True))}, at most {days} x 24 h ({self.model.where}.how.batch_api=true)"
            )
        return lines + self.notes()

    def line(self) -> str:
        """Return the estimate in one line; answers count with the limit of their length."""
        said = (
            f"{self.records:,} {self.what}: {self.requests:,} requests, about {self.prompt_tokens:,} tokens in and at most "
            f"{self.completion_tokens:,} out"
        )
        if not hasattr(self.model, "priced"):  # the model does not run on a server
            return said
        live = f"{_dollars(self.cost(False))} at most, {rough(60 * self.minutes)} at {self._limits()}"
        return f"{said}; {live}" + (f"; by batch {_dollars(self.cost(True))}" if self.model.priced(True) else "")

    def notes(self) -> list[str]:
        """Return what else there is to know about a server: prices, its end, a missing key."""
        if not hasattr(self.model, "priced"):
            return []
        price, ends = self.model.priced(False), self.model.shutdown
        found = [
            price and f"prices of {price.as_of}: ${price.input:g} in, ${price.output:g} out for a million tokens",
            ends and f"{self.model.endpoint.model} will be shut down on {ends}",
            self.model.endpoint.missing_key(),
        ]
        return [line for line in found if line]

    def one_by_one(self) -> str:
        """Return the line on requests that measure a latency."""
        price = f", {_dollars(self.cost(False))}" if hasattr(self.model, "priced") else ""
        tokens = self.prompt_tokens + self.completion_tokens
        return f"{self.requests:,} requests, one at a time, measure the latency: about {tokens:,} tokens{price}"

    def _limits(self) -> str:
        limits = ((self.model.limits.requests_per_minute, "requests"), (self.model.limits.tokens_per_minute, "tokens"))
        said = " and ".join(f"{rate:,} {what}" for rate, what in limits if rate)
        return f"{said} a minute" if said else "no limit"

    def sentence(self) -> str:
        way = "by batch" if self.model.batch_api else "live"
        # Promised costs must fit under the cap. A batch promises the maximum cost of all its requests at once.
        cap = max(0.01, math.ceil((self.spent + self.usd * (6 if self.model.batch_api else 1.3)) * 100) / 100)
        unset = self.model.endpoint.missing_key()
        return (
            f"this costs money: {self.requests:,} requests for {self.records:,} {self.what}, about {_dollars(self.usd)} {way} "
            f"(live {_dollars(self.cost(False))}, batch {_dollars(self.cost(True))}); to allow it add "
            f"{self.model.where}.how.max_cost_usd={cap:g}" + (f"; {unset}" if unset else "")
        )


def usage_line(usage: dict[str, Any]) -> str:
    """Return a line for the log on what translating used, in all runs of its stage together."""
    tokens = usage["prompt_tokens"] + usage["completion_tokens"]
    money = f", ${usage['usd']:.4f} (estimated {usage['estimated_usd']:.4f})" if "estimated_usd" in usage else ""
    return (
        f"{usage['requests']:,} requests (record by record {usage['naive_requests']:,}), {tokens:,} tokens{money}; "
        f"{usage['latency_s']:,.0f} s of waiting done in {usage['asking_s']:,.0f} s"
    )


def _dollars(usd: float) -> str:
    return f"${usd:,.2f}" if usd >= 0.1 or usd == 0 else f"${usd:.2g}"
