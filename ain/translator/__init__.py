"""Translators into Arabic or back into English. Each is a class with

    run(todo, out, engine) -> Translations

which makes the missing translations and keeps them in `out` or in the ledger,

    one_by_one(rows, out, of) -> seconds of each row, or the reason why it cannot be timed

which translates a few rows alone, and `deterministic`: whether the same text always gets the same translation. A
translator that only maps texts to texts inherits both methods from `ain.translator.text_translator.TextTranslator`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ain.storage.record import Row

Turns = list[dict[str, str]]
Translation = tuple[Turns, list[str]]  # the turns, and every reason why they cannot be used


class Translations(Protocol):
    """All translations of a run, looked up by row."""

    def of(self, row: Row) -> Translation: ...

    def usage(self) -> dict[str, Any]:
        """Return the usage for the manifest. Call it after `of` was called for all rows.

        `asking_s` is the time that this process took, for `timed_records`; 0 if it found all answers, or only some parts.
        """
        ...


@dataclass(frozen=True)
class Todo:
    """The rows to translate, with their `language` and `turns` (empty if there is nothing to translate), and `attempt`:
    how often another answer was asked for, 0 if left out.

    `rows` is called several times.
    """

    rows: Callable[[], Iterator[Row]]
    count: int
