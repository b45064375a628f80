"""Rounds of requests to a language model. The ledger stores every answer as it arrives, so it is paid for only once.

The caller names each thing that needs an answer (a turn to translate, an image, a question) by a digest of everything
that affects the answer, and asks only for what the ledger lacks. A killed run needs no other state to resume.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

from ain import UserError
from ain.chat import LanguageModel, Reply, Request
from ain.chat.cost import Budget
from ain.chat.estimate import Estimate
from ain.storage.ledger import Ledger, Spent

Answer = dict[str, Any]


class Asking:
    """Sends one stage's requests and stores the answers. The tag of each request is a list of [name, thing].

    Args:
        out: the stage's directory; spending is recorded under its name.
        shape: digest of what all answers have in common; stages with the same shape share the model's state on disk.
        read: turns (reply, things) into one answer for each thing; answers are plain values, stored as JSON.
    """

    def __init__(
        self,
        model: LanguageModel,
        out: Path,
        shape: str,
        read: Callable[[Reply, list[Any]], list[Answer]],
        engine: Any = None,
    ) -> None:
        root = out.parents[1]
        kept = root / "ledger.sqlite" if model.in_ledger else None
        self.model, self.run, self.read, self.engine = model, out.name, read, engine
        self.ledger = Ledger(kept)
        self.state = root / "batches" / shape[:12]
        self.budget = Budget(model.price, model.max_cost_usd, self.ledger.spent(self.run).usd, model.where)
        self.failed: dict[str, str] = {}  # name → why it will never get an answer
        self.unanswered: dict[str, str] = {}  # name → why it has no answer yet
        self._in_flight: set[str] = set()
        self._made: list[tuple[list[tuple[str, str]], Spent]] = []  # answers of a window, to be stored together
        self._open: dict[str, list[list[int]]] = {}  # request → number of open requests of each thing that needs it

    def known(self, name: str) -> Answer | None:
        found = self.ledger.get(name)
        return json.loads(found) if found else None

    def wanted(self, name: str) -> bool:
        """Return whether to request this name: it has no answer, may get one, and was not requested in this round."""
        if name in self.failed or name in self.unanswered or name in self._in_flight or self.ledger.get(name):
            return False
        self._in_flight.add(name)
        return True

    def allow(self, expected: Estimate) -> None:
        """Raise UserError with the estimate if requests are needed and no `max_cost_usd` is set."""
        expected.spent = self.budget.spent
        if expected.requests and self.model.gone:
            raise self.model.gone
        if self.model.max_cost_usd <= 0 and expected.requests:
            raise UserError(expected.sentence())

    def round(self, things: Iterable[list[Request]], bar: Any) -> None:
        """Send the requests of each thing. The bar counts things whose requests are all answered."""
        self._in_flight.clear()
        self._open.clear()

        def requests() -> Iterator[Request]:
            for asked in things:
                if not asked:
                    bar.update()
                elif self.model.gone:
                    raise self.model.gone
                left = [len(asked)]
                for request in asked:
                    self._open.setdefault(request.key, []).append(left)
                    yield request

        self._bar = bar
        self._made.clear()
        self.model.generate(requests(), self._take, self.state, engine=self.engine, budget=self.budget)
        self._commit()

    def store(self, answers: dict[str, Answer], seconds: float) -> None:
        """Store answers of a model on this machine that were not asked for by requests."""
        rows = [(name, _written(answer)) for name, answer in answers.items()]
        self.ledger.put(rows, self.run, Spent(len(rows), 0, 0, 0.0, seconds))

    def persist(self, rounds: Callable[[], None], what: str) -> None:
        """Run the rounds, and repeat them once if anything stayed unanswered.

        Raises UserError if answers are still missing and the model does not have `skip_unanswered`.
        """
        rounds()
        if self.unanswered:
            self.unanswered.clear()
            rounds()
        if self.unanswered and not self.model.skip_unanswered:
            raise UserError(
                f"{len(self.unanswered):,} {what} got no answer (the last: {list(self.unanswered.values())[-1]}); run the "
                f"same command to ask for them again, or set {self.model.where}.how.skip_unanswered=true to go on without them"
            )

    @property
    def usage(self) -> dict[str, Any]:
        """Return who answered, for the manifest: empty for a model on this machine."""
        return {"server": self.model.server} if self.model.server else {}

    def silence(self, name: str) -> str:
        return f"no answer: {self.failed.get(name) or self.unanswered.get(name)}"

    def _take(self, request: Request, reply: Reply) -> None:
        """Store the answer in the ledger, even a faulty one, because it has been paid for."""
        names = [name for name, _ in request.tag]
        if reply.finish in ("failed", "unanswered"):
            self._in_flight.difference_update(names)
            silent = self.failed if reply.finish == "failed" else self.unanswered
            silent |= dict.fromkeys(names, reply.text)
            return
        for left in self._open.pop(request.key, []):
            left[0] -= 1
            self._bar.update(not left[0])
        price = self.model.price
        usd = price.of(reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens) if price else 0.0
        share = {"seconds": round(reply.seconds / len(names), 3), "usd": usd / len(names)}
        answers = self.read(reply, [thing for _, thing in request.tag])
        rows = [(name, _written({**answer, **share})) for name, answer in zip(names, answers, strict=True)]
        self._made.append((rows, Spent(1, reply.prompt_tokens, reply.completion_tokens, usd, reply.seconds)))
        if len(self._made) >= self.model.window:
            self._commit()

    def _commit(self) -> None:
        """Store what was made together: after a kill, either all of it is there or nothing."""
        if self._made:
            rows = [row for of, _ in self._made for row in of]
            spent = Spent(*map(sum, zip(*(astuple(one) for _, one in self._made), strict=True)))
            self.ledger.put(rows, self.run, spent)
            self._in_flight.difference_update(name for name, _ in rows)
            self._made.clear()


def _written(answer: Answer) -> str:
    """Return the answer as JSON. Lone surrogates are replaced, because UTF-8 cannot encode them."""
    return json.dumps(answer, ensure_ascii=False).encode(errors="replace").decode()
