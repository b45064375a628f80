"""Index questions for the filters of their page: a few numbers and letters for each."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from ain.metrics.outcomes import OUTCOMES, outcome
from ain.report.measured import CONDITIONS
from ain.report.questions import Question
from ain.storage.tables import Table
from ain.text.languages import LANGUAGES, name

LETTERS = dict(zip(OUTCOMES, "rpwuan", strict=True))  # of outcomes; capital: the answer was cut off
NOT_ASKED = "-"
OWN = "own image"  # how the condition `shown` is called
COLUMNS = ("benchmarks", "kinds", "languages", "conditions")  # names that questions share; kinds: (domain, sub-domain)


class Index:
    """What filters need of all questions. Questions name what they share by numbers."""

    def __init__(self, models: list[str]) -> None:
        self.models = models
        self._numbers: dict[str, dict[Any, int]] = {name: {} for name in COLUMNS}
        self._columns: list[list[int]] = [[] for _ in COLUMNS]
        self._letters: list[list[str]] = [[] for _ in models]
        self._counts: Counter[tuple[str, str, str, str]] = Counter()  # model, benchmark, condition, outcome

    def __len__(self) -> int:
        return len(self._columns[0])

    def add(self, question: Question) -> None:
        row, answers = question.row, question.answers
        found = (question.benchmark, (row["domain"], row["kind"]), row["language"], row["images"])
        for value, numbers, column in zip(found, self._numbers.values(), self._columns, strict=True):
            column.append(numbers.setdefault(value, len(numbers)))
        for model, letters in zip(self.models, self._letters, strict=True):
            letters.append(_letter(answers[model]) if model in answers else NOT_ASKED)
        self._counts.update((model, question.benchmark, row["images"], outcome(one)) for model, one in answers.items())

    def data(self, chunk: int) -> dict[str, Any]:
        """Return the index as the page's script reads it. chunk: questions of a file."""
        names = {name: list(numbers) for name, numbers in self._numbers.items()}
        return {
            **names,
            "languages": [_language(code) for code in names["languages"]],
            "conditions": _conditions(names["conditions"]),
            "chunk": chunk,
            "models": self.models,
            "outcomes": {letter: said for said, letter in LETTERS.items()},
            "columns": self._columns,
            "answers": ["".join(letters) for letters in self._letters],
        }

    def summary(self) -> Table:
        """Return a row for each model, benchmark and condition: how many answers have which outcome."""
        seen = [one for one in OUTCOMES if any(key[3] == one for key in self._counts)]
        return [
            {"model": model, "benchmark": benchmark, "image": _conditions([code])[0]}
            | {one: self._counts[model, benchmark, code, one] for one in seen}
            for model, benchmark, code in dict.fromkeys(key[:3] for key in self._counts)
        ]


def _letter(answer: dict[str, Any]) -> str:
    letter = LETTERS[outcome(answer)]
    return letter.upper() if answer["finish"] == "length" else letter


def _language(code: str) -> list[str]:
    """Return the language's code, name and direction."""
    return [code, name(code), LANGUAGES[code].direction if code in LANGUAGES else "auto"]


def _conditions(codes: Iterable[str]) -> list[str]:
    return [CONDITIONS.get(code, code) or OWN for code in codes]
