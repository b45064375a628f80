"""Translators, into Arabic or back into English. Each is a class with

    run(todo, out, engine) -> Translations

which makes whatever is missing for what is to be translated and keeps it in `out` or in the ledger. A translator that only
maps texts to texts inherits `run` from `ain.translator.text_translator.TextTranslator`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from ain.storage.record import Row

Turns = list[dict[str, str]]
Translation = tuple[Turns, list[str]]  # the turns, and every reason why they cannot be used


class Translations(Protocol):
    """What a translator made of all that was to be translated."""

    def of(self, row: Row) -> Translation: ...

    def usage(self) -> dict[str, Any]:
        """What it took, once all rows were asked for."""
        ...


@dataclass(frozen=True)
class Todo:
    """What is to be translated: rows with their `language` and `turns`, an empty list where there is nothing to do. Read
    several times.
    """

    rows: Callable[[], Iterator[Row]]
    count: int
