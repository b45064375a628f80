"""Translation by chat models: one request a record, nothing asked twice, faults found and mended once (Section 2.1).

What is translated together is a unit: an exchange, so that an answer agrees with its question in gender and number, or a
single text. A unit is paid for once, wherever it occurs: its answer lies in the ledger, and a record's request holds only
units that are not known yet. Asking goes in rounds over all records, first everything, then what came back faulty; the
Arabic records are put together from the ledger alone. So a killed run goes on, and a second run asks nothing.
"""

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from ain import UserError
from ain.chat import Chat, Message, Reply, Request
from ain.chat.cost import Budget
from ain.chat.tokens import request_tokens, tokens
from ain.ledger import Ledger, Spent, key
from ain.progress import progress
from ain.protect import core
from ain.record import Row, Shards
from ain.translator import Arabic
from ain.translator.estimate import Estimate, Seen, account_of
from ain.translator.faults import KINDS
from ain.translator.replies import Unit, read, schema

UNITS = {"exchange": ("question", "answer"), "text": ("text",)}
_LENGTHS = {"o200k": 4, "cl100k": 8}  # tokens of Arabic, at most, for one of English


class ChatTranslator:
    """chat: what makes the chat from the remaining settings. prompt: `system` (or null) and `user`, where {text} or {items}
    is put; `repair`, where {faults} is. unit: exchange | text. answer: json, or plain for models that only translate: the
    answer is then the one text's translation. retry: the kinds of fault (`ain.translator.faults.KINDS`) to ask again
    about, once; records with any other, or with one that stays, are rejected. max_cost_usd: what all runs of this stage
    together may cost. give_up: reject records that got no answer for the moment, instead of leaving the stage unfinished.
    """

    spoil: dict[str, float] = {}  # noqa: RUF012

    def __init__(
        self,
        chat: Callable[..., Any],
        prompt: dict[str, Any],
        unit: str = "exchange",
        answer: str = "json",
        retry: tuple[str, ...] = (),
        max_cost_usd: float = 0.0,
        give_up: bool = False,
        **settings: Any,
    ) -> None:
        if unknown := set(retry) - set(KINDS):
            raise UserError(f"translator.retry: {min(unknown)}: choose among {', '.join(KINDS)}")
        if unit not in UNITS or answer not in ("json", "plain") or (answer == "plain" and unit != "text"):
            raise UserError("translator.unit is exchange or text; translator.answer is json, or plain with unit=text")
        self.chat: Chat = chat(**settings)
        self.prompt, self.unit, self.answer = prompt, unit, answer
        self.retry = frozenset(retry)
        self.max_cost_usd = max_cost_usd
        self.give_up = give_up
        self._schema = schema(UNITS[unit]) if answer == "json" else None
        self._shape = key(self.chat.identity, prompt, unit, answer)[:32]

    def over(
        self, records: Shards, out: Path, engine: Any
    ) -> tuple[Callable[[Row], Arabic], Callable[[], dict[str, Any]]]:
        """Asks for whatever is not known; returns a look-up from record to Arabic, and the account of what it took."""
        root = out.parents[1]
        self.ledger, self.run = Ledger(root / "ledger.sqlite"), out.name
        if hasattr(self.chat, "engine"):
            self.chat.engine = engine
        self.failed: dict[str, str] = {}  # units that will get no answer, and why
        self.unanswered: dict[str, str] = {}  # units that got none for the moment
        expected, started = self._allow(records), time.perf_counter()
        state = root / "batches" / self._shape[:12]  # shared by all stages that ask the same of the same model
        self._ask(records, self._first, "translate", state)
        if self.retry:
            self._ask(records, self._again, "mend", state)
        if self.unanswered:  # one more chance, now that the others are through
            self.unanswered.clear()
            for wanted in (self._first, self._again) if self.retry else (self._first,):
                self._ask(records, wanted, "again", state)
        if self.unanswered and not self.give_up:
            raise UserError(
                f"{len(self.unanswered):,} {self.unit}s got no answer (the last: {list(self.unanswered.values())[-1]}); the same "
                "command asks for them again, and translator.how.give_up=true goes on without them"
            )
        account = {"records": 0, "naive_tokens": 0, "latency_s": 0.0, "answers_usd": 0.0}
        account["asking_s"] = time.perf_counter() - started
        return lambda record: self._assemble(record, account), lambda: self._account(account, expected)

    # Units and their keys

    def units(self, record: Row) -> list[Unit]:
        if record["arabic"]:
            return []
        texts = [{name: core(text)[1] for name, text in exchange.items()} for exchange in record["english"]]
        if self.unit == "text":
            return [{"text": text} for exchange in texts for text in exchange.values() if text]
        return [exchange for exchange in texts if any(exchange.values())]

    def _key(self, unit: Unit, attempt: int) -> str:
        return key(self._shape, unit, attempt)

    def _known(self, unit: Unit, attempt: int) -> dict[str, Any] | None:
        found = self.ledger.get(self._key(unit, attempt))
        return json.loads(found) if found else None

    # Asking

    def _ask(self, records: Shards, wanted: Callable[[Unit], "list[Any] | None"], what: str, state: Path) -> None:
        """One round. `wanted` gives of a unit what its request must hold, None where nothing is to be asked."""
        in_flight: set[str] = set()

        def requests() -> Iterator[Request]:
            with progress(what, total=records.count(), unit="record") as bar:
                for record in records.rows(["english", "arabic"]):
                    asked = []
                    for unit in self.units(record):
                        want = wanted(unit)
                        if want is not None and want[0] not in in_flight:
                            in_flight.add(want[0])
                            asked.append(want)
                    yield from map(self._request, self._grouped(asked))
                    bar.update()

        def take(request: Request, reply: Reply) -> None:
            self._take(request, reply)
            in_flight.difference_update(name for name, *_ in request.tag)

        self.chat.ask(requests(), take, state)

    def _first(self, unit: Unit) -> list[Any] | None:
        name = self._key(unit, 1)
        return [name, unit, None] if not self._hopeless(name) and self.ledger.get(name) is None else None

    def _hopeless(self, name: str) -> bool:
        return name in self.failed or name in self.unanswered

    def _again(self, unit: Unit) -> list[Any] | None:
        before, name = self._known(unit, 1), self._key(unit, 2)
        if before is None or before.get("fault") not in self.retry or self._hopeless(name):
            return None
        return [name, unit, before] if self.ledger.get(name) is None else None

    def _request(self, wants: list[list[Any]]) -> Request:
        """For units, or for units with what was wrong with their first answers."""
        units = [unit for _, unit, _ in wants]
        messages = self.messages(units)
        if wants[0][2]:
            said = [before["said"] for _, _, before in wants]
            faults = "\n".join(f"{number}. {before['reason']}" for number, (_, _, before) in enumerate(wants, 1))
            messages += [
                {"role": "assistant", "content": "\n".join(dict.fromkeys(said))},
                {"role": "user", "content": self.prompt["repair"].replace("{faults}", faults)},
            ]
        size = 24 * len(units) + sum(tokens(text) for unit in units for text in unit.values())
        limit = 64 + size * _LENGTHS[getattr(self.chat, "vocabulary", "o200k")]
        if any(before and before["fault"] == "cut_off" for _, _, before in wants):
            limit *= 2
        return Request(wants[0][0], messages, limit, self._schema, [[name, unit] for name, unit, _ in wants])

    def messages(self, units: list[Unit]) -> list[Message]:
        if self.answer == "plain":
            content = self.prompt["user"].replace("{text}", units[0]["text"])
        else:
            items = [{"id": number, **unit} for number, unit in enumerate(units, 1)]
            content = self.prompt["user"].replace("{items}", json.dumps(items, ensure_ascii=False))
        system = [{"role": "system", "content": self.prompt["system"]}] if self.prompt.get("system") else []
        return [*system, {"role": "user", "content": content}]

    def _take(self, request: Request, reply: Reply) -> None:
        """Into the ledger, whatever it is worth: it is paid."""
        if reply.finish in ("failed", "unanswered"):
            silent = self.failed if reply.finish == "failed" else self.unanswered
            silent |= {name: reply.text for name, _ in request.tag}
            return
        price = self.chat.price
        usd = price.of(reply.prompt_tokens, reply.completion_tokens) if price else 0.0
        found = read(reply, [unit for _, unit in request.tag], self.answer == "plain")
        share = {"seconds": round(reply.seconds / len(found), 3), "usd": usd / len(found)}
        self.ledger.put(
            [
                (name, json.dumps({**result, **share}, ensure_ascii=False))
                for (name, _), result in zip(request.tag, found, strict=True)
            ],
            self.run,
            Spent(1, reply.prompt_tokens, reply.completion_tokens, usd, reply.seconds),
        )

    # What came of it

    def _assemble(self, record: Row, account: dict[str, Any]) -> Arabic:
        units = self.units(record)
        account["records"] += bool(units)
        account["naive_tokens"] += self._size(units)[0] if units else 0
        found: dict[tuple[str, ...], dict[str, Any]] = {}
        reasons = []
        for number, unit in enumerate(units, 1):
            answers = [answer for attempt in (1, 2) if (answer := self._known(unit, attempt))]
            for answer in answers:
                account["latency_s"] += answer["seconds"]
                account["answers_usd"] += answer["usd"]
            result = answers[-1] if answers else self._silence(unit)
            if "fault" in result:
                reasons.append(f"{result['reason']} ({self.unit} {number})")
            found[tuple(unit.values())] = result.get("fields", {})
        return [self._exchange(exchange, found) for exchange in record["english"] or []], reasons

    def _silence(self, unit: Unit) -> dict[str, Any]:
        name = self._key(unit, 1)
        return {"reason": f"no answer: {self.failed.get(name) or self.unanswered.get(name)}", "fault": "failed"}

    def _exchange(self, exchange: dict[str, str], found: dict[tuple[str, ...], dict[str, Any]]) -> dict[str, str]:
        cores = {name: core(text) for name, text in exchange.items()}
        if self.unit == "text":
            made = {name: found.get((middle,), {}).get("text", "") for name, (_, middle, _) in cores.items()}
        else:
            made = found.get(tuple(middle for _, middle, _ in cores.values()), {})
        return {name: before + made.get(name, "") + after for name, (before, _, after) in cores.items()}

    # Money

    def _allow(self, records: Shards) -> Estimate | None:
        """Nothing that costs is asked before a person has said how much it may cost."""
        if self.chat.price is None:
            return None
        spent = self.ledger.spent(self.run).usd
        expected = self.estimate(records.rows(["english", "arabic"]), self.ledger)
        expected.spent = spent
        self.chat.budget = Budget(self.chat.price, self.max_cost_usd, spent)  # type: ignore[attr-defined]
        if self.max_cost_usd <= 0 and expected.requests:
            raise UserError(expected.sentence())
        return expected

    def estimate(self, rows: Iterable[Row], ledger: Ledger | None) -> Estimate:
        """What translating these records would take: everything that the ledger does not hold, each unit once."""
        made, seen = Estimate(self.chat), Seen()
        for record in rows:
            units = self.units(record)
            if not units:
                continue
            new = []
            for unit in units:
                name = self._key(unit, 1)
                if seen.first(name) and (ledger is None or ledger.get(name) is None):
                    new.append(unit)
            made.add(self._size(units), [self._size(some) for some in self._grouped(new)])
        return made

    def _grouped(self, of_record: list[Any]) -> list[list[Any]]:
        """What of one record goes into one request."""
        return ([of_record] if of_record else []) if self.answer == "json" else [[one] for one in of_record]

    def _size(self, units: list[Unit]) -> tuple[int, int]:
        """(prompt tokens, expected answer tokens) of a request for these units."""
        vocabulary = getattr(self.chat, "vocabulary", "o200k")
        texts = sum(tokens(text, vocabulary) for unit in units for text in unit.values())
        asked = sum(request_tokens(self.messages(some), vocabulary) for some in self._grouped(units))
        return asked, round(14 * len(units) + texts * (1.2 if vocabulary == "o200k" else 2.7))

    def _account(self, account: dict[str, Any], expected: Estimate | None) -> dict[str, Any]:
        """What the stage's manifest says of the asking: in all runs of this stage together, beside asking naively."""
        spent = self.ledger.spent(self.run)
        made = {
            "requests": spent.requests,
            "naive_requests": account["records"],
            "prompt_tokens": spent.prompt_tokens,
            "naive_prompt_tokens": account["naive_tokens"],
            "completion_tokens": spent.completion_tokens,
            "usd": round(spent.usd, 6),
            "answers_usd": round(account["answers_usd"], 6),
            "latency_s": round(account["latency_s"], 3),
            "asking_s": round(account["asking_s"], 3),
        }
        self.ledger.close()
        made |= {"estimated_usd": round(expected.spent + expected.usd, 6)} if expected else {}
        print(f"ain: {account_of(made)}", file=sys.stderr)
        return made
