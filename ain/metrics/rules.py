"""The rules of selection: (scores, thresholds) → reasons. Pure functions over columns, so that a sweep of thresholds
recomputes nothing and takes a moment.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ain import UserError


@dataclass(frozen=True)
class Scores:
    """One score of many records: a value for each turn. Record i has values[starts[i] : starts[i + 1]]."""

    values: np.ndarray  # float32, NaN: not applicable, or not computed
    starts: np.ndarray

    @classmethod
    def of(cls, column: pa.ChunkedArray | pa.Array) -> "Scores":
        """From a column of lists; a record whose list is null has no values."""
        lists = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        sizes = np.nan_to_num(lists.value_lengths().to_numpy(zero_copy_only=False)).astype(np.int64)
        values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        return cls(values, np.concatenate([[0], np.cumsum(sizes)]))


Badness = Callable[
    [np.ndarray, Any], np.ndarray
]  # (values, threshold) → positive where broken, and the more, the worse


def _least(values: np.ndarray, threshold: Any) -> np.ndarray:
    return np.float32(threshold) - values  # in the precision that scores are kept in: 0.8 is not below 0.8


def _most(values: np.ndarray, threshold: Any) -> np.ndarray:
    return values - np.float32(threshold)


def _between(values: np.ndarray, threshold: Any) -> np.ndarray:
    """In ratios: half the least allowed is as bad as twice the greatest."""
    least, greatest = (np.float32(bound) for bound in threshold)
    logs = np.log(np.maximum(values, np.float32(1e-9)))
    return np.maximum(np.log(least) - logs, logs - np.log(greatest))


@dataclass(frozen=True)
class Rule:
    """`said` tells of a broken rule, from value and threshold. required: a score that is missing holds a record back."""

    name: str
    badness: Badness
    said: Callable[[float, Any], str]
    column: str
    required: bool = False

    def words(self, value: float, threshold: Any) -> str:
        return self.said(value, threshold) if value == value else "not computed"


def _rule(name: str, badness: Badness, said: Any, column: str | None = None, required: bool = False) -> Rule:
    return Rule(name, badness, said, column or name, required)


def _below(value: float, threshold: Any) -> str:
    return f"{value:.2f} below {threshold}"


SAMPLED = {"bleu": "bleu_4", "meteor": "meteor", "rouge": "rouge_l"}  # rule → score of back-translation
RULES = {
    rule.name: rule
    for rule in (
        _rule("similarity", _least, _below, required=True),
        *(_rule(name, _least, _below, column, required=True) for name, column in SAMPLED.items()),
        _rule("digits", _least, lambda v, t: "numbers differ"),
        _rule("placeholders", _least, lambda v, t: "a placeholder, URL, code or option letter is lost"),
        _rule("script", _least, _below),
        _rule("language", _least, lambda v, t: f"{v:.2f} likely to be Arabic, below {t}"),
        _rule("latin", _most, lambda v, t: f"{v:.0f} Latin words in a row, more than {t}"),
        _rule("repetition", _most, lambda v, t: f"{v:.0%} repeats, above {t:.0%}"),
        _rule("diacritics", _most, lambda v, t: f"{v:.0%} of the letters have diacritics, above {t:.0%}"),
        _rule("length", _between, lambda v, t: f"{v:.2f} times the original, outside {t[0]} to {t[1]}"),
    )
}


def check(thresholds: Mapping[str, Any]) -> None:
    """A slip in a threshold is said before it judges anything."""
    for name, value in thresholds.items():
        if name not in RULES and name not in ("sampled", "unsafe"):
            raise UserError(f"thresholds.{name}: there is no such rule; choose among {', '.join(RULES)}, unsafe")
        if name == "sampled" and value not in ("corpus", "record"):
            raise UserError(
                f"thresholds.sampled={value}: choose corpus (the sample speaks for all) or record (each for itself)"
            )
        expected = _expected(name, value)
        if expected:
            raise UserError(f"thresholds.{name}={value}: expected {expected}, or null")


def _expected(name: str, value: Any) -> str | None:
    """What a value should have been; None where it is fine."""
    if value is None or name == "sampled":
        return None
    if name in ("digits", "placeholders", "unsafe"):
        return None if isinstance(value, bool) else "true or false"
    if name == "length":
        fine = isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value))
        return None if fine and 0 < value[0] < value[1] else "two numbers, [LEAST,GREATEST]"
    return None if _is_number(value) else "a number"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def applies(threshold: Any) -> bool:
    return threshold is not None and threshold is not False


def broken(rule: Rule, scores: Scores, threshold: Any) -> tuple[np.ndarray, list[str]]:
    """(records, reasons): each record that breaks the rule, and its worst turn. A reason begins with the rule's name."""
    bad = rule.badness(scores.values, threshold)
    missing = np.isnan(scores.values)
    wrong = np.flatnonzero((bad > 0) | missing if rule.required else bad > 0)
    records = np.searchsorted(scores.starts, wrong, side="right") - 1
    order = np.lexsort((wrong, -np.where(missing, np.inf, bad)[wrong], records))
    worst = order[np.diff(records[order], prepend=-1) > 0]  # the first of each record
    records, wrong = records[worst], wrong[worst]
    turns = wrong - scores.starts[records] + 1
    said = zip(scores.values[wrong].tolist(), turns.tolist(), strict=True)
    return records, [f"{rule.name}: {rule.words(value, threshold)} in turn {number}" for value, number in said]


def explained(rule: Rule, values: list[float | None] | None, threshold: Any, translated: bool = True) -> dict[str, Any]:
    """What a rule says of one record, broken or not: the worst value, in which turn, and the verdict."""
    made: dict[str, Any] = {"rule": rule.name, "threshold": threshold, "value": None, "turn": None}
    if not applies(threshold):
        return {**made, "verdict": "off"}
    numbers = np.array([np.nan if value is None else value for value in values or []], np.float32)
    if not len(numbers) or np.isnan(numbers).all():
        return {**made, "verdict": "not computed" if rule.required and translated else "does not apply"}
    bad = rule.badness(numbers, threshold)
    worst = int(np.nanargmax(bad))
    verdict = "broken" if bad[worst] > 0 or (rule.required and np.isnan(numbers).any()) else "kept"
    return {**made, "value": float(numbers[worst]), "turn": worst + 1, "verdict": verdict}


def translation_reasons(scores: Mapping[str, list[float | None] | None], thresholds: Mapping[str, Any]) -> list[str]:
    """Every reason against one translation, rule by rule; a record is as good as its worst turn.

    A threshold of null switches its rule off. A score of null is "not applicable" for checks; for similarity and sampled
    scores, which always apply, it holds the record back.
    """
    made = []
    for name, rule in RULES.items():
        threshold, given = thresholds.get(name), scores.get(rule.column)
        if applies(threshold) and given is not None:
            one = Scores.of(pa.array([given], pa.list_(pa.float32())))
            made += broken(rule, one, threshold)[1]
    return made
