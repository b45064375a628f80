"""For translators that map texts to texts: each distinct text is translated once, in blocks that an engine spreads."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ain.once import Once
from ain.protect import pieces, restored
from ain.record import Row, Shards
from ain.translator import Arabic


class ByText(ABC):
    spoil: dict[str, float] = {}  # noqa: RUF012

    @abstractmethod
    def translate(self, texts: list[str]) -> list[str | None]:
        """One translation for each text, in order; None for one that was cut off."""

    def over(
        self, records: Shards, out: Path, engine: Any
    ) -> tuple[Callable[[Row], Arabic], Callable[[], dict[str, Any]]]:
        once = Once(
            piece.text
            for record in records.rows(["english", "arabic"])
            if not record["arabic"]
            for exchange in record["english"]
            for text in exchange.values()
            for piece in pieces(text)
            if piece.language
        )
        started = time.perf_counter()
        made = once.translate(out / "texts", self, engine, "translate")
        account = {"distinct_texts": len(once), "asking_s": round(time.perf_counter() - started, 3)}
        return lambda record: _arabic(record, lambda text: made[once.number[text]]), lambda: account


def _arabic(record: Row, translation: Callable[[str], str | None]) -> Arabic:
    arabic: list[dict[str, str]] = []
    reasons: list[str] = []
    for number, exchange in enumerate(record["english"], 1):
        arabic.append({})
        for key, text in exchange.items():
            arabic[-1][key], reason = restored(text, translation)
            reasons += [f"{reason} ({key} {number})"] if reason else []
    return arabic, reasons
