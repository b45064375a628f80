"""What asking costs: prices from a dated table, and a budget that is never exceeded."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from ain import UserError

_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$|-\d{4}$")


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float
    as_of: str

    def of(self, prompt_tokens: float, completion_tokens: float) -> float:
        return (prompt_tokens * self.input + completion_tokens * self.output) / 1e6


@cache
def _table() -> dict[str, Any]:
    return yaml.safe_load((Path(__file__).parent / "prices.yml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def price(model: str, batch: bool, where: str = "model") -> Price:
    """The price of a model of OpenAI's; `gpt-4o-2024-08-06` costs what `gpt-4o` does, unless it has a price of its own."""
    table = _table()
    rates = table["models"].get(model) or table["models"].get(_DATE.sub("", model))
    if rates is None:
        raise UserError(
            f"{model}: no price is known for it; give {where}.how.price=[INPUT,OUTPUT] in dollars for a million tokens"
        )
    share = table["batch"] if batch else 1.0
    return Price(rates["input"] * share, rates["output"] * share, str(table["as_of"]))


def vocabulary(model: str) -> str:
    """Which of OpenAI's vocabularies comes nearest to the model's."""
    rates = _table()["models"].get(_DATE.sub("", model))
    return rates["vocabulary"] if rates else "o200k"


def image_rates(model: str) -> tuple[int, int] | None:
    """(base, for each tile): how many tokens an image counts for; None where it is not known."""
    rates = _table()["models"].get(_DATE.sub("", model), {}).get("image")
    return (rates[0], rates[1]) if rates else None


class Budget:
    """Dollars spent and promised. A request is promised at its worst, so that no answer can carry the sum past the cap."""

    def __init__(self, price: Price | None, cap: float, spent: float = 0.0, where: str = "model") -> None:
        self.where = where
        self.price = price
        self.cap = cap
        self.spent = spent
        self._promised: dict[str, float] = {}
        self.open = 0.0  # the sum of what is promised

    def promise(self, key: str, prompt_bytes: int, max_tokens: int) -> bool:
        """False where the cap could be passed. No token is shorter than a byte, however strange the text."""
        if self.price is None or key in self._promised:
            return True
        worst = self.price.of(prompt_bytes, max_tokens)
        if self.spent + self.open + worst > self.cap:
            return False
        self._promised[key] = worst
        self.open += worst
        return True

    def lost(self, key: str) -> None:
        """A try without an answer that the server may yet charge for."""
        self.spent += self._promised.get(key, 0.0)

    @property
    def passed(self) -> bool:
        return self.price is not None and self.spent + self.open > self.cap

    def settle(self, key: str, prompt_tokens: int, completion_tokens: int) -> None:
        """What it cost in the end; nothing, where there was no answer."""
        if self.price is not None:
            self.open -= self._promised.pop(key, 0.0)
            self.open = self.open if self._promised else 0.0  # no dust of rounding
            self.spent += self.price.of(prompt_tokens, completion_tokens)

    def over(self) -> UserError:
        return UserError(
            f"stopped at ${self.spent:.4g}, before {self.where}.how.max_cost_usd={self.cap:g} could be passed; answers are kept: "
            "raise it and run the same command to resume"
        )
