"""Rounds of requests to a chat model: every answer lies in the ledger as it comes, and is paid for once.

Whoever asks names each thing that wants an answer (a unit of a translation, an image) by a digest of all that shapes the
answer, and builds its rounds from what is not known yet. So there is no state to resume: a killed run asks for the rest.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ain import UserError
from ain.chat import Chat, Reply, Request
from ain.chat.cost import Budget
from ain.storage.ledger import Ledger, Spent

Answer = dict[str, Any]


class Asking:
    """read(reply, things) makes an answer of each thing that a request was about; plain values, kept as JSON. A request's
    tag lists [name, thing]. run: whose spending it is. state: where a chat may keep what must survive a crash.
    """

    def __init__(
        self, chat: Chat, root: Path, run: str, shape: str, read: Callable[[Reply, list[Any]], list[Answer]]
    ) -> None:
        self.chat, self.run, self.read = chat, run, read
        self.ledger = Ledger(root / "ledger.sqlite")
        self.state = root / "batches" / shape[:12]  # shared by all stages that ask the same of the same model
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

    def round(self, requests: Iterable[Request]) -> None:
        self._in_flight.clear()
        self.chat.ask(requests, self._take, self.state)

    def persist(self, rounds: Callable[[], None], give_up: bool, what: str) -> None:
        """The rounds, and once more for what got no answer for the moment, now that the others are through."""
        rounds()
        if self.unanswered:
            self.unanswered.clear()
            rounds()
        if self.unanswered and not give_up:
            where = getattr(self.chat, "where", "how")
            raise UserError(
                f"{len(self.unanswered):,} {what} got no answer (the last: {list(self.unanswered.values())[-1]}); the same "
                f"command asks for them again, and {where}.give_up=true goes on without them"
            )

    def silence(self, name: str) -> str:
        return f"no answer: {self.failed.get(name) or self.unanswered.get(name)}"

    def allow(self, cap: float, spent: float) -> None:
        """How many dollars all runs of this stage together may cost."""
        where = getattr(self.chat, "where", "how")
        self.chat.budget = Budget(self.chat.price, cap, spent, where)  # type: ignore[attr-defined]

    def _take(self, request: Request, reply: Reply) -> None:
        """Into the ledger, whatever it is worth: it is paid."""
        names = [name for name, _ in request.tag]
        self._in_flight.difference_update(names)
        if reply.finish in ("failed", "unanswered"):
            silent = self.failed if reply.finish == "failed" else self.unanswered
            silent |= dict.fromkeys(names, reply.text)
            return
        price = self.chat.price
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
