"""The cost of requests: prices from a dated table, and a budget that is never exceeded."""

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ain import UserError

_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$|-\d{4}$")


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens. cached: for prompt tokens that the server read from its cache."""

    input: float
    output: float
    cached: float
    as_of: str

    def of(self, prompt_tokens: float, completion_tokens: float, cached_tokens: float = 0) -> float:
        saved = cached_tokens * (self.input - self.cached)
        return (prompt_tokens * self.input + completion_tokens * self.output - saved) / 1e6


@cache
def _table() -> dict[str, Any]:
    return yaml.safe_load((Path(__file__).parent / "prices.yml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def _entry(section: str, model: str) -> Any:
    """Return what a section of the table says about a model, or None.

    A dated name without an entry of its own (`gpt-4o-2024-08-06`) has that of `gpt-4o`.
    """
    entries = _table()[section]
    return entries.get(model) or entries.get(_DATE.sub("", model))


def price(model: str, batch: bool, key: str) -> Price:
    """Return a model's price from the table. Raises UserError if it has none; key: the setting that gives one."""
    rates, table = _entry("models", model), _table()
    if rates is None:
        raise UserError(f"{model}: no price is known for it; give {key}=[INPUT,OUTPUT] in dollars for a million tokens")
    share = table["batch"] if batch else 1.0
    cached = rates.get("cached", rates["input"])
    return Price(rates["input"] * share, rates["output"] * share, cached * share, str(table["as_of"]))


def vocabulary(model: str) -> str:
    """Return the OpenAI vocabulary that is closest to the model's."""
    rates = _entry("models", model)
    return rates["vocabulary"] if rates else "o200k"


def image_rates(model: str) -> tuple[int, int] | None:
    """Return an image's tokens as (base, per tile), or None if unknown."""
    rates = (_entry("models", model) or {}).get("image")
    return (rates[0], rates[1]) if rates else None


def shutdown(model: str) -> date | None:
    """Return the day on which OpenAI stops serving the model, if it is announced."""
    return _entry("shutdown", model)  # type: ignore[no-any-return]


def replacement() -> str:
    """Return the choice that replaces models which were shut down."""
    return str(_table()["replacement"])


class Budget:
    """Dollars spent and promised. A request is promised at its maximum cost, so that no answer can exceed the cap."""

    def __init__(self, price: Price | None, cap: float, spent: float = 0.0, where: str = "model") -> None:
        self.where = where
        self.price = price
        self.cap = cap
        self.spent = spent
        self._promised: dict[str, float] = {}
        self.open = 0.0  # sum of all promised amounts

    def promise(self, key: str, prompt_bytes: int, max_tokens: int) -> bool:
        """Reserve a request's maximum cost; return False if it could exceed the cap.

        The prompt counts in bytes, because no token is shorter than a byte.
        """
        if self.price is None or key in self._promised:
            return True
        worst = self.price.of(prompt_bytes, max_tokens)
        if self.spent + self.open + worst > self.cap:
            return False
        self._promised[key] = worst
        self.open += worst
        return True

    def lost(self, key: str) -> None:
        """Count a promised amount as spent: the server may charge for an attempt without an answer. The next attempt needs
        a promise of its own."""
        self.spent += self._released(key)

    def settle(self, key: str, prompt_tokens: int = 0, completion_tokens: int = 0, cached_tokens: int = 0) -> None:
        """Replace the promised amount by the actual cost, which is 0 without an answer."""
        if self.price is not None:
            self._released(key)
            self.spent += self.price.of(prompt_tokens, completion_tokens, cached_tokens)

    def _released(self, key: str) -> float:
        """Take a promise back, and return its amount: 0 if there is none."""
        worst = self._promised.pop(key, 0.0)
        self.open = self.open - worst if self._promised else 0.0  # clears rounding errors
        return worst

    def over(self) -> UserError:
        return UserError(
            f"stopped at ${self.spent:.4g}, before {self.where}.how.max_cost_usd={self.cap:g} could be passed; answers are kept: "
            "raise it and run the same command to resume"
        )
