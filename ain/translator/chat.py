"""Translation by chat models: one request per record, nothing asked twice, faulty answers retried once (Section 2.1).

A unit is what is translated together: a turn, so that an answer agrees with its question in gender and number, or a
single text. Each distinct unit is paid for once: its answer is kept in the ledger, and a record's request holds only
units that are not there yet. The first round requests everything missing, the second retries faulty answers.
Translations are assembled from the ledger alone, so a killed run resumes and a second run requests nothing.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from ain import UserError
from ain.chat import LanguageModel, Message, Reply, Request
from ain.chat.asking import Asking
from ain.chat.estimate import Estimate, usage_line
from ain.chat.tokens import request_tokens, tokens
from ain.runtime.console import log
from ain.runtime.progress import progress
from ain.storage.ledger import Ledger, key
from ain.storage.record import Row
from ain.storage.seen import Seen
from ain.text.languages import OPTIONS, LanguageCode, Options, option_script
from ain.text.options import known
from ain.text.placeholders import core, relabelled
from ain.translator import Todo, Translation
from ain.translator.faults import Kind
from ain.translator.latency import OneByOne
from ain.translator.prompt import Prompt
from ain.translator.replies import Unit, candidate, read, rechecked, said_again, schema

FIELDS = {"turn": ("question", "answer"), "text": ("text",)}
ANOTHER = 0.7  # temperature for another answer: at 0, it would be the same
_LENGTHS = {"o200k": 4, "cl100k": 8}  # upper bound of Arabic tokens per English token


class ChatTranslator:
    """Translates with a chat model.

    Args:
        chat: the model to ask.
        prompt: as in conf/prompt.
        granularity: what is translated together: a turn, or each text by itself.
        response_format: json; or text, for models that only translate: the answer is then the translation of one text.
        retry_on: kinds of fault to retry once. A record is rejected if another fault occurs or one persists.
        target: the language to translate into.
        options: whose letters options get; auto: those of the target language, as in the paper's Arabic questions.
    """

    corrupt: dict[str, float] = {}  # noqa: RUF012

    def __init__(
        self,
        chat: LanguageModel,
        prompt: Prompt,
        granularity: Literal["turn", "text"] = "turn",
        response_format: Literal["json", "text"] = "json",
        retry_on: list[Kind] | tuple[Kind, ...] = (),
        target: LanguageCode = "ar",
        options: Options = "auto",
    ) -> None:
        where = chat.where or "translator"
        if response_format == "text" and granularity != "text":
            raise UserError(f"{where}.response_format=text needs {where}.granularity=text")
        self.chat, self.prompt, self.granularity, self.target = chat, prompt, granularity, target
        self.script = option_script(options, target)
        self.as_text = response_format == "text"
        self.retry_on = frozenset(retry_on)
        self._usual = "ar" if target == "en" else "en"  # source language of rows without one
        self._schema = None if self.as_text else schema(FIELDS[granularity])
        named = "plain" if self.as_text else "json"  # the names in earlier versions' ledgers
        other = [self.script] if self.script != "Latin" else []
        english = ["english"] if target == "en" else []
        self._shape = key(chat.identity, prompt, granularity, named, *english, *other)[:32]

    def digest(self) -> str | None:
        return self.chat.digest()

    @property
    def gone(self) -> UserError | None:
        return self.chat.gone

    @property
    def deterministic(self) -> bool:
        return self.chat.deterministic

    def run(self, todo: Todo, out: Path, engine: Any) -> "Asked":
        """Request what the ledger lacks; return all translations, to be assembled from the ledger."""
        self.asking = Asking(self.chat, out, self._shape, self._read, engine)
        expected, started = self._allow(todo), time.perf_counter()
        usage = {"records": 0, "naive_tokens": 0, "latency_s": 0.0, "answers_usd": 0.0, "timed_records": 0}

        def rounds() -> None:
            asked = self._ask(todo, self._first, "translate")
            usage["timed_records"] = max(usage["timed_records"], asked)
            if self.retry_on:
                self._ask(todo, self._again, "repair")

        self.asking.persist(rounds, f"{self.granularity}s")
        return Asked(self, usage | {"asking_s": time.perf_counter() - started}, expected)

    def one_by_one(self, rows: list[Row], out: Path, of: str) -> list[float] | str:
        return OneByOne(self, rows, of).seconds(out)

    # Units and their keys

    def units(self, row: Row) -> list[Unit]:
        texts = [{name: core(text)[1] for name, text in turn.items()} for turn in row["turns"]]
        if self.granularity == "text":
            return [{"text": text} for turn in texts for text in turn.values() if text]
        return [turn for turn in texts if any(turn.values())]

    def source(self, row: Row) -> str:
        return str(row.get("language") or self._usual)

    def _key(self, unit: Unit, attempt: int, source: str) -> str:
        return key(self._shape, unit, attempt, *([source] if source != self._usual else []))

    def _known(self, unit: Unit, attempt: int, source: str) -> dict[str, Any] | None:
        answer = self.asking.known(self._key(unit, attempt, source))
        return answer and rechecked(unit, answer, self.target, self.script)

    # Requests

    def _ask(self, todo: Todo, wanted: Callable[[Unit, int, str], "list[Any] | None"], what: str) -> int:
        """Run one round and return the number of records that it asked about. `wanted` returns what a unit's request must
        contain, or None if the unit needs no request."""
        records = 0

        def requests() -> Iterator[list[Request]]:
            nonlocal records
            for row in todo.rows():
                source, first = self.source(row), _first_attempt(row)
                asked = [want for unit in self.units(row) if (want := wanted(unit, first, source))]
                least = ANOTHER if first > 1 else None
                records += bool(asked)
                yield [replace(self.request(wants, source), temperature=least) for wants in self.grouped(asked)]

        with progress(what, total=todo.count, unit="record") as bar:
            self.asking.round(requests(), bar)
        return records

    def _first(self, unit: Unit, first: int, source: str) -> list[Any] | None:
        name = self._key(unit, first, source)
        return [name, unit, None] if self.asking.wanted(name) else None

    def _again(self, unit: Unit, first: int, source: str) -> list[Any] | None:
        before, name = self._known(unit, first, source), self._key(unit, first + 1, source)
        if before is None or before.get("fault") not in self.retry_on:
            return None
        return [name, unit, before] if self.asking.wanted(name) else None

    def request(self, wants: list[list[Any]], source: str) -> Request:
        """Return a request for units, or a repair request for units with the faults of their first answers."""
        units = [unit for _, unit, _ in wants]
        messages = self.messages(units, source)
        if wants[0][2]:
            faulty = [before for _, _, before in wants]
            faults = "\n".join(f"{number}. {self._named(before)}" for number, before in enumerate(faulty, 1))
            messages += [
                {"role": "assistant", "content": said_again(faulty)},
                {
                    "role": "user",
                    "content": self._filled(self.prompt.get("repair") or "", source).replace("{faults}", faults),
                },
            ]
        size = 24 * len(units) + sum(tokens(text) for unit in units for text in unit.values())
        limit = 64 + size * _LENGTHS[self.chat.vocabulary]
        if any(before and before["fault"] == "cut_off" for _, _, before in wants):
            limit *= 2
        return Request(wants[0][0], messages, limit, self._schema, [[name, unit] for name, unit, _ in wants])

    def messages(self, units: list[Unit], source: str) -> list[Message]:
        system, user = (self._filled(part or "", source) for part in (self.prompt.get("system"), self.prompt["user"]))
        content: Any
        if self.as_text:
            content = user.replace("{text}", units[0]["text"])
        else:
            items = [{"id": number, **unit} for number, unit in enumerate(units, 1)]
            content = user.replace("{items}", json.dumps(items, ensure_ascii=False))
        if beside := self.prompt.get("with"):
            filled = {name: self._filled(value, source) for name, value in beside.items()}
            content = [{"type": "text", **filled, "text": content}]
        return [*([{"role": "system", "content": system}] if system else []), {"role": "user", "content": content}]

    def _filled(self, text: str, source: str) -> str:
        """Return a part of the prompt with the languages and the letters of options filled in."""
        text = text.replace("{source}", source).replace("{target}", self.target)
        for letter, own in zip(OPTIONS["Latin"], OPTIONS[self.script], strict=True):
            text = text.replace(f"{{{letter}}}", own)
        return text

    def _named(self, faulty: dict[str, Any]) -> str:
        """Return a fault in the prompt's language, or in English if the prompt does not name it."""
        sentence = (self.prompt.get("faults") or {}).get(faulty["fault"])
        return sentence.replace("{detail}", faulty.get("detail", "")) if sentence else str(faulty["reason"])

    def _read(self, reply: Reply, units: list[Unit]) -> list[dict[str, Any]]:
        return read(reply, units, self.as_text, self.target, self.script)

    # Results

    def assemble(self, row: Row, usage: dict[str, Any]) -> Translation:
        units, source, first = self.units(row), self.source(row), _first_attempt(row)
        usage["records"] += bool(units)
        usage["naive_tokens"] += self.size(units, source)[0] if units else 0
        found: dict[tuple[str, ...], dict[str, Any]] = {}
        reasons = []
        for number, unit in enumerate(units, 1):
            answers = [answer for attempt in (first, first + 1) if (answer := self._known(unit, attempt, source))]
            for answer in answers:
                usage["latency_s"] += answer["seconds"]
                usage["answers_usd"] += answer["usd"]
            silence = self.asking.silence(self._key(unit, first, source))
            good = (answer for answer in answers if "fields" in answer)
            result: dict[str, Any] = next(good, answers[-1]) if answers else {"fault": "failed", "reason": silence}
            if "fault" in result:
                reasons.append(f"{result['reason']} ({self.granularity} {number})")
            found[tuple(unit.values())] = candidate(unit, result)
        return [self._turn(turn, found) for turn in row["turns"]], reasons

    def _turn(self, turn: dict[str, str], found: dict[tuple[str, ...], dict[str, Any]]) -> dict[str, str]:
        cores = {name: core(text) for name, text in turn.items()}
        offered = {"answer": known(turn["question"])} if "question" in turn else {}
        if self.granularity == "text":
            made = {name: found.get((middle,), {}).get("text", "") for name, (_, middle, _) in cores.items()}
        else:
            made = found.get(tuple(middle for _, middle, _ in cores.values()), {})
        return {
            name: relabelled(before, self.script, offered.get(name)) + made.get(name, "") + after
            for name, (before, _, after) in cores.items()
        }

    # Cost

    def _allow(self, todo: Todo) -> Estimate | None:
        if self.chat.price is None:
            return None
        expected = self.estimate(todo.rows(), self.asking.ledger)
        self.asking.allow(expected)
        return expected

    def estimate(self, rows: Iterable[Row], ledger: Ledger | None) -> Estimate:
        """Estimate the translation of all units that the ledger lacks, each counted once."""
        made, seen = Estimate(self.chat), Seen()
        for row in rows:
            units, source = self.units(row), self.source(row)
            if not units:
                continue
            new = []
            for unit in units:
                name = self._key(unit, _first_attempt(row), source)
                if seen.add(name) and (ledger is None or ledger.get(name) is None):
                    new.append(unit)
            made.add(self.size(units, source), [self.size(some, source) for some in self.grouped(new)])
        return made

    def grouped(self, of_record: list[Any]) -> list[list[Any]]:
        """Group one record's units by request."""
        return [[one] for one in of_record] if self.as_text else [of_record] if of_record else []

    def size(self, units: list[Unit], source: str) -> tuple[int, int]:
        """Return (prompt tokens, expected answer tokens) of requests for these units."""
        vocabulary = self.chat.vocabulary
        texts = sum(tokens(text, vocabulary) for unit in units for text in unit.values())
        asked = sum(request_tokens(self.messages(some, source), vocabulary) for some in self.grouped(units))
        return asked, round(14 * len(units) + texts * (1.2 if vocabulary == "o200k" else 2.7))

    def usage(self, usage: dict[str, Any], expected: Estimate | None) -> dict[str, Any]:
        """Return the usage for the manifest: all runs of this stage together, beside one request per whole record."""
        spent = self.asking.ledger.spent(self.asking.run)
        made = {
            "requests": spent.requests,
            "naive_requests": usage["records"],
            "prompt_tokens": spent.prompt_tokens,
            "naive_prompt_tokens": usage["naive_tokens"],
            "completion_tokens": spent.completion_tokens,
            "usd": round(spent.usd, 6),
            "answers_usd": round(usage["answers_usd"], 6),
            "latency_s": round(usage["latency_s"], 3),
            "asking_s": round(usage["asking_s"], 3),
            "timed_records": usage["timed_records"],
            **self.asking.usage,
        }
        self.asking.ledger.close()
        made |= {"estimated_usd": round(expected.spent + expected.usd, 6)} if expected else {}
        log.info(usage_line(made))
        return made


def _first_attempt(row: Row) -> int:
    """Return the number of a row's first answer, in keys. The answer to its repair has the next one."""
    return 1 + 2 * int(row.get("attempt", 0))


class Asked:
    """Translations assembled from the ledger; usage is counted as they are assembled."""

    def __init__(self, translator: ChatTranslator, usage: dict[str, Any], expected: Estimate | None) -> None:
        self._translator, self._usage, self._expected = translator, usage, expected

    def of(self, row: Row) -> Translation:
        return self._translator.assemble(row, self._usage)

    def usage(self) -> dict[str, Any]:
        return self._translator.usage(self._usage, self._expected)
