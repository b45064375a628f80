"""Base class of translators that map texts to texts. Distinct texts are translated once, in blocks run by an engine."""

import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from ain.engine.unique import Unique
from ain.storage.record import Row
from ain.text.placeholders import pieces, restored
from ain.translator import Todo, Translation


class TextTranslator(ABC):
    corrupt: dict[str, float] = {}  # noqa: RUF012
    target: str = "ar"

    @abstractmethod
    def translate(self, texts: list[str]) -> list[str | None]:
        """Return one translation per text, in order; None for a text that was cut off."""

    def run(self, todo: Todo, out: Path, engine: Any) -> "Assembled":
        unique = Unique(
            piece.text
            for row in todo.rows()
            for turn in row["turns"]
            for text in turn.values()
            for piece in pieces(text)
            if piece.language
        )
        started = time.perf_counter()
        made = unique.translate(out / "texts", self, engine, "translate")
        return Assembled(unique, made, time.perf_counter() - started)


class Assembled:
    """Translations of records, assembled from those of their distinct texts."""

    def __init__(self, unique: Unique, made: list[str | None], seconds: float) -> None:
        self._unique, self._made, self._seconds = unique, made, seconds

    def of(self, row: Row) -> Translation:
        made: list[dict[str, str]] = []
        reasons: list[str] = []
        for number, turn in enumerate(row["turns"], 1):
            made.append({})
            for key, text in turn.items():
                made[-1][key], reason = restored(text, self._text)
                reasons += [f"{reason} ({key} {number})"] if reason else []
        return made, reasons

    def _text(self, text: str) -> str | None:
        return self._made[self._unique.number[text]]

    def usage(self) -> dict[str, Any]:
        return {"distinct_texts": len(self._unique), "asking_s": round(self._seconds, 3)}
