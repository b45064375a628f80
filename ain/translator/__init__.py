"""Translators, into Arabic or back into English. Each is a class with

    over(todo, out, engine) -> (look_up, account)

which makes whatever is missing for what is to be translated, keeps it in `out` or in the ledger, and returns a function
from a row to its translation, and one that sums up what it took once all were looked up. A translator that only maps texts
to texts inherits `over` from `ain.translator.text_translator.TextTranslator`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ain.storage.record import Row

Turns = list[dict[str, str]]
Translation = tuple[Turns, list[str]]  # the turns, and every reason why they cannot be used
LookUp = Callable[[Row], Translation]


@dataclass(frozen=True)
class Todo:
    """What is to be translated: rows with `turns`, an empty list where there is nothing to do; read several times."""

    rows: Callable[[], Iterator[Row]]
    count: int
