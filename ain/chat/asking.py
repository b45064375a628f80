"""Rounds of requests to a language model: every answer goes into the ledger as it comes, and is paid for once.

The caller names each thing that needs an answer (a turn to translate, an image, a question) by a digest of all that shapes
the answer, and builds its rounds from what is not known yet. So there is no state to resume: a killed run asks for the rest.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ain import UserError
from ain.chat import LanguageModel, Reply, Request
from ain.chat.cost import Budget
from ain.chat.estimate import Estimate
from ain.storage.ledger import Ledger, Spent

Answer = dict[str, Any]


class Asking:
    """read(reply, things) turns a reply into one answer for each thing that its request was about; plain values, kept as
    JSON. A request's tag lists [name, thing]. out: the stage's directory, which is also whose spending it is. shape: what
    all answers have in common; stages that ask the same of the same model share what a model keeps on disk.
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
        self.failed: dict[str, str] = {}  # what will get no answer, and why
        self.unanswered: dict[str, str] = {}  # what got none for the moment
        self._in_flight: set[str] = set()

    def known(self, name: str) -> Answer | None:
        found = self.ledger.get(name)
        return json.loads(found) if found else None

    def wanted(self, name: str) -> bool:
        """True once in a round, for what has no answer and may get one."""
        if name in self.failed or name in self.unanswered or name in self._in_flight or self.ledger.get(name):
            return False
        self._in_flight.add(name)
        return True

    def allow(self, expected: Estimate) -> None:
        """Nothing that costs is asked before a person has said how much it may cost."""
        expected.spent = self.budget.spent
        if self.model.max_cost_usd <= 0 and expected.requests:
            raise UserError(expected.sentence())

    def round(self, requests: Iterable[Request]) -> None:
        self._in_flight.clear()
        self.model.generate(requests, self._take, self.state, engine=self.engine, budget=self.budget)

    def persist(self, rounds: Callable[[], None], what: str) -> None:
        """The rounds, and once more for what got no answer for the moment, now that the others are through."""
        rounds()
        if self.unanswered:
            self.unanswered.clear()
            rounds()
        if self.unanswered and not self.model.skip_unanswered:
            raise UserError(
                f"{len(self.unanswered):,} {what} got no answer (the last: {list(self.unanswered.values())[-1]}); run the "
                f"same command to ask for them again, or set {self.model.where}.how.skip_unanswered=true to go on without them"
            )

    def silence(self, name: str) -> str:
        return f"no answer: {self.failed.get(name) or self.unanswered.get(name)}"

    def _take(self, request: Request, reply: Reply) -> None:
        """Into the ledger, whatever it is worth: it is paid."""
        names = [name for name, _ in request.tag]
        self._in_flight.difference_update(names)
        if reply.finish in ("failed", "unanswered"):
            silent = self.failed if reply.finish == "failed" else self.unanswered
            silent |= dict.fromkeys(names, reply.text)
            return
        price = self.model.price
        usd = price.of(reply.prompt_tokens, reply.completion_tokens) if price else 0.0
        share = {"seconds": round(reply.seconds / len(names), 3), "usd": usd / len(names)}
        answers = self.read(reply, [thing for _, thing in request.tag])
        self.ledger.put(
            [(name, _written({**answer, **share})) for name, answer in zip(names, answers, strict=True)],
            self.run,
            Spent(1, reply.prompt_tokens, reply.completion_tokens, usd, reply.seconds),
        )


def _written(answer: Answer) -> str:
    """As JSON, halves of characters replaced: no file can hold them."""
    return json.dumps(answer, ensure_ascii=False).encode(errors="replace").decode()
