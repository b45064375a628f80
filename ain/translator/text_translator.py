"""Base class of translators that map texts to texts. Distinct texts are translated once, in blocks run by an engine."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ain.engine.unique import Unique
from ain.storage.record import Row
from ain.text.languages import Options, option_script
from ain.text.options import known
from ain.text.placeholders import Piece, pieces, restored
from ain.translator import Todo, Translation


class TextTranslator(ABC):
    corrupt: dict[str, float] = {}  # noqa: RUF012
    deterministic = True
    target: str = "ar"
    options: Options = "auto"  # whose letters options get; auto: those of the target language

    @abstractmethod
    def translate(self, texts: list[str]) -> list[str | None]:
        """Return one translation per text, in order; None for a text that was cut off."""

    def run(self, todo: Todo, out: Path, engine: Any) -> "Assembled":
        unique = Unique(piece.text for row in todo.rows() for turn in row["turns"] for piece in _translated(turn))
        resumed = (out / "texts").exists()
        started = time.perf_counter()
        made = unique.translate(out / "texts", self, engine, "translate")
        asking = {
            "timed_records": 0 if resumed else sum(bool(row["turns"]) for row in todo.rows()),
            "asking_s": round(time.perf_counter() - started, 3),
        }
        return Assembled(unique, made, option_script(self.options, self.target), asking)

    def one_by_one(self, rows: list[Row], out: Path, of: str) -> list[float] | str:
        """Return the seconds that each row takes alone, in batches of one text."""
        spent = []
        for row in rows:
            texts = [piece.text for turn in row["turns"] for piece in _translated(turn)]
            started = time.perf_counter()
            for text in texts:
                self.translate([text])
            spent.append(time.perf_counter() - started)
        return spent


class Assembled:
    """Translations of records, assembled from those of their distinct texts."""

    def __init__(self, unique: Unique, made: list[str | None], script: str, asking: dict[str, Any]) -> None:
        self._unique, self._made, self._script, self._asking = unique, made, script, asking

    def of(self, row: Row) -> Translation:
        made: list[dict[str, str]] = []
        reasons: list[str] = []
        for number, turn in enumerate(row["turns"], 1):
            made.append({})
            for key, (text, offered) in zip(turn, known_options(turn), strict=True):
                made[-1][key], reason = restored(text, self._text, self._script, offered)
                reasons += [f"{reason} ({key} {number})"] if reason else []
        return made, reasons

    def _text(self, text: str) -> str | None:
        return self._made[self._unique.number[text]]

    def usage(self) -> dict[str, Any]:
        return {"distinct_texts": len(self._unique), **self._asking}


def _translated(turn: dict[str, str]) -> Iterator[Piece]:
    """Yield the pieces of a turn's texts that are shown to the model."""
    for text, offered in known_options(turn):
        yield from (piece for piece in pieces(text, offered) if piece.language)


def known_options(turn: dict[str, str]) -> list[tuple[str, frozenset[int] | None]]:
    """Return each text of a turn with the options that its question offers, if it is an answer."""
    offered = known(turn["question"]) if "answer" in turn else None
    return [(text, offered if name == "answer" else None) for name, text in turn.items()]
