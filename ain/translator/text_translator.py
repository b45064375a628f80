"""For translators that map texts to texts: each distinct text is translated once, in blocks that an engine spreads."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ain.engine.unique import Unique
from ain.storage.record import Row
from ain.text.placeholders import pieces, restored
from ain.translator import LookUp, Todo, Translation


class TextTranslator(ABC):
    corrupt: dict[str, float] = {}  # noqa: RUF012

    @abstractmethod
    def translate(self, texts: list[str]) -> list[str | None]:
        """One translation for each text, in order; None for one that was cut off."""

    def over(self, todo: Todo, out: Path, engine: Any) -> tuple[LookUp, Callable[[], dict[str, Any]]]:
        once = Unique(
            piece.text
            for row in todo.rows()
            for turn in row["turns"]
            for text in turn.values()
            for piece in pieces(text)
            if piece.language
        )
        started = time.perf_counter()
        made = once.translate(out / "texts", self, engine, "translate")
        account = {"distinct_texts": len(once), "asking_s": round(time.perf_counter() - started, 3)}
        return lambda row: _translation(row, lambda text: made[once.number[text]]), lambda: account


def _translation(row: Row, translation: Callable[[str], str | None]) -> Translation:
    made: list[dict[str, str]] = []
    reasons: list[str] = []
    for number, turn in enumerate(row["turns"], 1):
        made.append({})
        for key, text in turn.items():
            made[-1][key], reason = restored(text, translation)
            reasons += [f"{reason} ({key} {number})"] if reason else []
    return made, reasons
