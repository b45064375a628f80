"""Apply the selection rules: (scores, thresholds) → reasons. They are pure functions over columns, so a sweep of
thresholds recomputes no scores and takes a moment.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from ain.runtime.ranges import Share


def _rising(bounds: list[float]) -> list[float]:
    if bounds[0] >= bounds[1]:
        raise PydanticCustomError("bounds", "expected the least before the greatest, [LEAST,GREATEST]")
    return bounds


_Bound = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Bounds = Annotated[list[_Bound], Field(min_length=2, max_length=2), AfterValidator(_rising)]


@dataclass(frozen=True)
class Thresholds:
    """A threshold for each rule, by the rule's name; null turns the rule off. similarity: `calibrated` takes the number
    that probe finds for the verifier. sampled: `corpus` judges all records by the back-translated sample, `record` judges
    each by itself. unsafe: reject records with an image not rated safe.
    """

    similarity: Annotated[float, Field(ge=-1, le=1)] | Literal["calibrated"] | None = None
    bleu: Share | None = None
    meteor: Share | None = None
    rouge: Share | None = None
    sampled: Literal["corpus", "record"] = "corpus"
    digits: bool | None = None
    placeholders: bool | None = None
    min_script_ratio: Share | None = None
    language: Share | None = None
    max_latin_run: Annotated[int, Field(ge=0)] | None = None
    max_repetition: Share | None = None
    diacritics: Share | None = None
    length: Bounds | None = None
    unsafe: bool | None = None

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Thresholds":
        """Return the thresholds in a manifest's settings."""
        return cls(**{field.name: settings[field.name] for field in fields(cls) if field.name in settings})

    def on(self) -> dict[str, Any]:
        """Return rule → threshold for the rules that are on."""
        given = {name: getattr(self, name) for name in RULES}
        return {
            name: threshold for name, threshold in given.items() if threshold is not None and threshold is not False
        }


@dataclass(frozen=True)
class Scores:
    """One score of many records, with a value for each turn. Record i has values[starts[i] : starts[i + 1]]."""

    values: np.ndarray  # float32, NaN: not applicable, or not computed
    starts: np.ndarray

    @classmethod
    def of(cls, column: pa.ChunkedArray | pa.Array) -> "Scores":
        """Return the scores in a column of lists. A record whose list is null has no values."""
        lists = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        sizes = np.nan_to_num(lists.value_lengths().to_numpy(zero_copy_only=False)).astype(np.int64)
        values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        return cls(values, np.concatenate([[0], np.cumsum(sizes)]))


Badness = Callable[
    [np.ndarray, Any], np.ndarray
]  # (values, threshold) → positive where the rule is broken; larger is worse


def _least(values: np.ndarray, threshold: Any) -> np.ndarray:
    return np.float32(threshold) - values  # float32, like the scores, so that 0.8 is not below 0.8


def _most(values: np.ndarray, threshold: Any) -> np.ndarray:
    return values - np.float32(threshold)


def _between(values: np.ndarray, threshold: Any) -> np.ndarray:
    """Compare ratios: half the minimum is as bad as twice the maximum."""
    least, greatest = (np.float32(bound) for bound in threshold)
    logs = np.log(np.maximum(values, np.float32(1e-9)))
    return np.maximum(np.log(least) - logs, logs - np.log(greatest))


@dataclass(frozen=True)
class Rule:
    """One rule. reason: describes a violation from value and threshold. required: reject a record without a score."""

    name: str
    badness: Badness
    reason: Callable[[float, Any], str]
    column: str
    required: bool = False

    def limit(self, threshold: Any) -> str:
        """Return the threshold in words with numbers. Checks that are on or off want a score of 1."""
        if self.badness is _between:
            return f"{threshold[0]} to {threshold[1]}"
        return f"at {'most' if self.badness is _most else 'least'} {threshold + 0}"

    def words(self, value: float, threshold: Any) -> str:
        return self.reason(value, threshold) if value == value else "not computed"


def _rule(name: str, badness: Badness, reason: Any, column: str | None = None, required: bool = False) -> Rule:
    return Rule(name, badness, reason, column or name, required)


def below(value: float, threshold: Any) -> str:
    """Return both numbers with as many decimals as show which is smaller."""
    decimals = next((n for n in (2, 3, 4) if round(value, n) < threshold), 6)
    return f"{value:.{decimals}f} below {threshold}"


SAMPLED = {"bleu": "bleu_4", "meteor": "meteor", "rouge": "rouge_l"}  # rule → back-translation score
RULES = {
    rule.name: rule
    for rule in (
        _rule("similarity", _least, below, required=True),
        *(_rule(name, _least, below, column, required=True) for name, column in SAMPLED.items()),
        _rule("digits", _least, lambda v, t: "numbers differ"),
        _rule(
            "placeholders",
            _least,
            lambda v, t: "placeholders, addresses, code or letters of options differ",
        ),
        _rule("min_script_ratio", _least, below),
        _rule("language", _least, lambda v, t: f"{v:.2f} likely to be in the language translated into, below {t}"),
        _rule("max_latin_run", _most, lambda v, t: f"{v:.0f} Latin words in a row, more than {t}"),
        _rule("max_repetition", _most, lambda v, t: f"{v:.0%} repeats, above {t:.0%}"),
        _rule("diacritics", _most, lambda v, t: f"{v:.0%} of the letters have diacritics, above {t:.0%}"),
        _rule("length", _between, lambda v, t: f"{v:.2f} times the original, outside {t[0]} to {t[1]}"),
    )
}


def broken(rule: Rule, scores: Scores, threshold: Any) -> tuple[np.ndarray, list[str]]:
    """Return (records, reasons): those that break the rule, and why, by worst turn. A reason begins with its rule."""
    bad = rule.badness(scores.values, threshold)
    missing = np.isnan(scores.values)
    wrong = np.flatnonzero((bad > 0) | missing if rule.required else bad > 0)
    records = np.searchsorted(scores.starts, wrong, side="right") - 1
    order = np.lexsort((wrong, -np.where(missing, np.inf, bad)[wrong], records))
    worst = order[np.diff(records[order], prepend=-1) > 0]  # the first of each record
    records, wrong = records[worst], wrong[worst]
    turns = wrong - scores.starts[records] + 1
    worst_of = zip(scores.values[wrong].tolist(), turns.tolist(), strict=True)
    return records, [f"{rule.name}: {rule.words(value, threshold)} in turn {number}" for value, number in worst_of]


def explained(rule: Rule, values: list[float | None] | None, threshold: Any, translated: bool = True) -> dict[str, Any]:
    """Apply one rule to one record. Return the worst value, its turn, the limit in words, and the verdict: passed,
    broken, or not judged with a note that says why."""
    made: dict[str, Any] = {"rule": rule.name, "limit": "", "value": None, "turn": None, "note": ""}
    if threshold is None or threshold is False:
        return {**made, "verdict": "not judged", "note": "off"}
    made["limit"] = rule.limit(threshold)
    numbers = np.array([np.nan if value is None else value for value in values or []], np.float32)
    if not len(numbers) or np.isnan(numbers).all():
        if rule.required and translated:
            return {**made, "verdict": "broken", "note": "not computed"}
        return {**made, "verdict": "not judged", "note": "does not apply"}
    bad = rule.badness(numbers, threshold)
    worst = int(np.nanargmax(bad))
    verdict = "broken" if bad[worst] > 0 or (rule.required and np.isnan(numbers).any()) else "passed"
    return {**made, "value": float(numbers[worst]), "turn": worst + 1, "verdict": verdict}


def translation_reasons(scores: Mapping[str, list[float | None] | None], thresholds: Thresholds) -> list[str]:
    """Return every reason against one translation, rule by rule. A record is judged by its worst turn.

    For checks, a null score means "not applicable". Similarity and sampled scores always apply, so a null one rejects
    the record.
    """
    made = []
    for name, threshold in thresholds.on().items():
        given = scores.get(RULES[name].column)
        if given is not None:
            one = Scores.of(pa.array([given], pa.list_(pa.float32())))
            made += broken(RULES[name], one, threshold)[1]
    return made
