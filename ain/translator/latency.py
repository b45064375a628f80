"""Time a chat translator: a few records, one request in flight, each asked anew although its translation is known."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ain.chat import Reply, Request
from ain.chat.asking import Asking
from ain.chat.estimate import Estimate
from ain.runtime.progress import progress
from ain.storage.ledger import Ledger, key
from ain.storage.record import Row

FILE = "its answers come from a file"


class OneByOne:
    """The requests that time the records of one translate directory, `of`. Their times are kept in the ledger under its
    name, so that they are paid for once; no answer to another request counts.

    translator: a `ChatTranslator`.
    """

    def __init__(self, translator: Any, rows: list[Row], of: str) -> None:
        self.translator, self.rows, self.of = translator, rows, of
        self.model = translator.chat.one_by_one()

    def seconds(self, out: Path) -> list[float] | str:
        """Ask what was not timed before. Return each record's seconds, or why there are none."""
        if self.model is None:
            return FILE
        asking = Asking(self.model, out, key(self.of, "one by one")[:32], _nothing)
        try:
            if (left := self.estimate(asking.ledger)).requests:
                if self.model.gone:
                    return str(self.model.gone)
                if self.model.price is not None and self.model.max_cost_usd <= 0:
                    return f"its answers come from the ledger; {left.one_by_one()}: set {self.model.where}.how.max_cost_usd"
                self._ask(asking)
            times = [[asking.known(name) for name in self._names(number)] for number in range(len(self.rows))]
            return [sum(one["seconds"] for one in of if one) for of in times if all(of)] or "no request was answered"
        finally:
            asking.ledger.close()

    def _ask(self, asking: Asking) -> None:
        def rounds() -> None:
            with progress("time one by one", total=len(self.rows), unit="record") as bar:
                asking.round(([one for one in self._requests(i) if asking.wanted(one.key)] for i in self._all()), bar)

        asking.persist(rounds, "requests")

    def _all(self) -> range:
        return range(len(self.rows))

    def _units(self, number: int) -> list[list[Any]]:
        return self.translator.grouped(self.translator.units(self.rows[number]))  # type: ignore[no-any-return]

    def _names(self, number: int) -> list[str]:
        return [key("one by one", self.of, number, i) for i in range(len(self._units(number)))]

    def _requests(self, number: int) -> Iterator[Request]:
        for name, units in zip(self._names(number), self._units(number), strict=True):
            made = self.translator.request(
                [[name, unit, None] for unit in units], self.translator.source(self.rows[number])
            )
            yield replace(made, tag=[[name, None]])

    def estimate(self, ledger: Ledger | None) -> Estimate:
        """Estimate the requests that the ledger has no time of."""
        made = Estimate(self.model or self.translator.chat, what="requests")
        for number in self._all() if self.model else ():
            source = self.translator.source(self.rows[number])
            pairs = zip(self._names(number), self._units(number), strict=True)
            left = [units for name, units in pairs if ledger is None or ledger.get(name) is None]
            made.add((0, 0), [self.translator.size(units, source) for units in left])
        return made


def _nothing(reply: Reply, things: list[Any]) -> list[dict[str, Any]]:
    return [{} for _ in things]
