"""Accumulate how close back-translations are to their originals (Section 2.2, Table 9)."""

from collections.abc import Sequence

from ain.metrics import overlap
from ain.storage.record import Row
from ain.text.placeholders import turn_text

METRICS = ("bleu_2", "bleu_4", "meteor", *overlap.ROUGE)
PARTS = ("precision", "recall", "f1")
# ROUGE's F1 is named after the metric; precision and recall are stored beside it.
COLUMNS = (*METRICS, *(f"{name}_{part}" for name in overlap.ROUGE for part in PARTS[:2]))
CORPUS = 100_000  # corpus BLEU is computed over about this many turns, the first ones


class Quality:
    """The sample's quality so far. BLEU is computed over the sample as a corpus; other metrics are means over its turns."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.records = self.failed = self._turns = 0
        self._sums = dict.fromkeys(COLUMNS, 0.0)
        self._corpus: list[tuple[str, str]] = []

    def add(self, row: Row, original: Sequence[Row]) -> None:
        """Add one record: its turns translated back with their scores, and the original turns."""
        self.records += 1
        self.failed += not any(turn["question"] for turn in row["turns"])
        self._turns += len(row["turns"])
        self._sums = {name: total + sum(row[name]) for name, total in self._sums.items()}
        if len(self._corpus) < CORPUS:
            pairs = zip(row["turns"], original, strict=True)
            self._corpus += [(turn_text(one), turn_text(other)) for one, other in pairs]

    def means(self) -> dict[str, float]:
        """Return all metrics, from 0 to 1."""
        means = {name: total / max(1, self._turns) for name, total in self._sums.items()}
        if self._corpus:
            made, references = [one for one, _ in self._corpus], [other for _, other in self._corpus]
            means |= {f"bleu_{order}": overlap.bleu(made, references, order, self.language) for order in (2, 4)}
        return means
