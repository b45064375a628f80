"""Judging by chat models: does an answer mean the same as a label? One request for each answer, read strictly.

The first round asks about every answer that is not in the ledger; the second repeats those whose reply could not be read.
An answer whose replies stay unreadable has no verdict. The judge sees no image, as in CAMEL-Bench.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ain import UserError
from ain.chat import LanguageModel, Message, Reply, Request
from ain.chat.asking import Asking
from ain.chat.estimate import Estimate
from ain.chat.tokens import request_tokens
from ain.judge import Case, Judge, Verdict
from ain.runtime.progress import progress
from ain.runtime.ranges import NotNegative, Positive
from ain.storage.ledger import Ledger, key

FALLBACK = "en"  # the prompt for languages without one
SCHEMAS = {  # by highest score
    highest: {
        "type": "object",
        "properties": {"score": {"type": "integer", "enum": list(range(highest + 1))}},
        "required": ["score"],
        "additionalProperties": False,
    }
    for highest in (1, 2)
}
_PARTS = ("system", "user", "repair")
_FAULTS = {"refusal": "refused", "content_filter": "refused", "length": "cut off"}
_REPLY = 10  # tokens of a usual reply


class ChatJudge(Judge):
    """Asks a chat model for verdicts.

    Args:
        chat: the model to ask.
        prompts: language → system, user ({case} stands for the answer with its question and labels, as JSON) and repair.
        max_tokens: limit of a reply.
        check: number of answers, half of them right by the rules, that are judged to compare the judge with the rules.
        labels: a file with people's verdicts on answers; these answers are judged too.
        compare: prompts like these for pairs of answers.
    """

    asks = True

    def __init__(
        self,
        chat: LanguageModel,
        prompts: dict[str, dict[str, str]],
        max_tokens: Positive = 30,
        check: NotNegative = 50,
        labels: str | None = None,
        compare: dict[str, dict[str, str]] | None = None,
    ) -> None:
        super().__init__(labels)
        _refuse_missing("prompts", prompts)
        if compare:
            _refuse_missing("compare", compare)
        self.chat, self.prompts, self.max_tokens, self.check = chat, prompts, max_tokens, check
        self.compare, self.compares = compare or {}, bool(compare)
        self._shape = key("judge", chat.identity, max_tokens)[:32]

    def digest(self) -> Any:
        return [super().digest(), self.chat.digest()]

    @property
    def gone(self) -> UserError | None:
        return self.chat.gone

    def verdicts(self, cases: Sequence[Case], out: Path) -> list[Verdict]:
        self.asking = Asking(self.chat, out, self._shape, _read)
        if self.chat.price is not None:
            self.asking.allow(self.estimate(cases, self.asking.ledger))

        def rounds() -> None:
            self._ask(cases, self._first, "judge")
            self._ask(cases, self._again, "judge again")

        self.asking.persist(rounds, "answers to be judged")
        return [self._verdict(case) for case in cases]

    def estimate(self, cases: Sequence[Case], ledger: Ledger | None) -> Estimate:
        made = Estimate(self.chat, what="answers")
        new = dict.fromkeys(self._name(self._first(case)) for case in cases)
        for case in cases:
            size = request_tokens(self._first(case), self.chat.vocabulary), _REPLY
            name = self._name(self._first(case))
            wanted = name in new and (ledger is None or ledger.get(name) is None)
            new.pop(name, None)  # equal answers are judged once
            made.add(size, [size] if wanted else [])
        return made

    def usage(self) -> dict[str, Any]:
        spent = self.asking.ledger.spent(self.asking.run)
        self.asking.ledger.close()
        made = {"requests": spent.requests, **self.asking.usage}
        return made if self.chat.price is None else {**made, "usd": round(spent.usd, 6)}

    def _ask(self, cases: Sequence[Case], messages: Callable[[Case], list[Message]], what: str) -> None:
        def requests() -> Iterator[list[Request]]:
            for case in cases:
                asked = messages(case)
                name = self._name(asked)
                wanted = asked and self.asking.wanted(name)
                schema, tag = SCHEMAS[case.highest], [[name, case.highest]]
                yield [Request(name, asked, self.max_tokens, schema, tag)] if wanted else []

        with progress(what, total=len(cases), unit="answer") as bar:
            self.asking.round(requests(), bar)

    def _name(self, messages: list[Message]) -> str:
        return key(self._shape, messages)

    def _first(self, case: Case) -> list[Message]:
        prompt = self._prompt(case)
        answers = {"answer": case.answer} if case.other is None else {"first": case.answer, "second": case.other}
        told = {"question": case.question, "right_answers": list(case.labels), **answers}
        user = prompt["user"].replace("{case}", json.dumps(told, ensure_ascii=False))
        return [{"role": "system", "content": prompt["system"]}, {"role": "user", "content": user}]

    def _again(self, case: Case) -> list[Message]:
        """Return the messages that ask again; none if the first reply has a verdict, or there is none."""
        first = self._first(case)
        before = self.asking.known(self._name(first))
        if before is None or "fault" not in before:
            return []
        said, repair = {"role": "assistant", "content": before["reply"]}, self._prompt(case)["repair"]
        return [*first, said, {"role": "user", "content": repair}]

    def _prompt(self, case: Case) -> dict[str, str]:
        prompts = self.prompts if case.other is None else self.compare
        return prompts.get(case.language, prompts[FALLBACK])

    def _verdict(self, case: Case) -> Verdict:
        name, again = self._name(self._first(case)), self._again(case)
        found = (self.asking.known(self._name(again)) if again else None) or self.asking.known(name)
        return Verdict(found.get("score"), found.get("fault")) if found else Verdict(None, self.asking.silence(name))


def _refuse_missing(key: str, prompts: dict[str, dict[str, str]]) -> None:
    for language in {FALLBACK, *prompts}:
        if missing := next((part for part in _PARTS if part not in prompts.get(language, {})), None):
            raise UserError(f"judge.{key}.{language}.{missing} has no value: give the text of that message")


def _read(reply: Reply, things: list[Any]) -> list[dict[str, Any]]:
    found = _FAULTS.get(reply.finish) or read(reply.text, things[0])
    return [{"fault" if isinstance(found, str) else "score": found, "reply": reply.text[:1_000]}]


def read(text: str, highest: int = 1) -> int | str:
    """Return the score, 0 to the highest, or a short reason why there is none. Text around the JSON object is ignored."""
    try:
        given = json.loads(text[text.index("{") : text.rindex("}") + 1], object_pairs_hook=list)
    except (ValueError, RecursionError):
        return "no JSON object"
    scores = [value for name, value in given if name == "score"]
    if len(scores) != 1 or type(scores[0]) is not int or scores[0] not in range(highest + 1):
        return "no score of 0 or 1" if highest == 1 else "no score of 0, 1 or 2"
    return scores[0]
