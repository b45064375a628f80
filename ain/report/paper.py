"""Read the numbers that a paper prints: one file a table or figure in `experiments/paper/`.

Rows and columns have the names of our own choices, domains and metrics, with the printed names beside them. A paper may
exist in two versions, `a` and `b`; where `b` has no values of its own, both print the same. `rules` say how the paper
computes totals and what its text claims. They are recomputed, and those that do not add up are named.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ain import UserError
from ain.metrics.totals import Kind, agree, combined, wins
from ain.runtime.paths import PAPER

Version = Literal["a", "b"]
PAPER_VERSIONS = (
    "The paper exists in two versions. Version A says in Section 2 that 30 % of the Arabic data are authentic, version B 35 %. "
    "Differences are to version A."
)
Values = list[int | float | None]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Line(_Strict):
    """A row as printed: its name, its values in both versions."""

    printed: str
    a: Values
    b: Values | None = None

    def of(self, version: Version) -> Values:
        return self.b if version == "b" and self.b is not None else self.a


class Rule(_Strict):
    """How a number follows from others: a column (`column`) or row (`row`) of the table, or a number in the text (`says`)
    that concerns the column `at`. of: the names that it is computed from; None: all other columns."""

    column: str | None = None
    row: str | None = None
    says: float | None = None
    at: str | None = None
    text: str = ""
    kind: Annotated[Kind, Field(alias="is")]
    of: list[str] | None = None
    decimals: int = 2
    versions: list[Version] = ["a", "b"]


class Pair(_Strict):
    """A sentence with a translation, whose similarity an encoder is to judge (Tables 6 to 8)."""

    ref: str
    group: str
    en: str
    ar: str
    correct: bool
    criterion: str


class Reported(_Strict):
    """A table or figure. same: what all its numbers share, in our dimensions; columns_same: otherwise in these columns. data:
    what the paper measured on, if that is not published. figure: our figure that shows the same. of: the table it draws."""

    title: str
    unit: str
    rows: str = ""
    columns: str = ""
    same: dict[str, str] = {}
    columns_same: dict[str, dict[str, str]] = {}
    printed: dict[str, str] = {}
    values: dict[str, Line] = {}
    rules: list[Rule] = []
    pairs: list[Pair] = []
    data: str | None = None
    figure: str | None = None
    of: str | None = None
    footnotes: list[str] = []

    @model_validator(mode="after")
    def _fits(self) -> "Reported":
        for name, line in self.values.items():
            if {len(line.a), len(line.of("b"))} != {len(self.printed)}:
                raise ValueError(f"{name}: as many values as columns are expected ({len(self.printed)})")
        for rule in self.rules:
            known = self.printed if rule.column else self.values
            if wrong := {*(rule.of or []), *filter(None, [rule.row])} - set(known) - set(self.values):
                raise ValueError(f"rules name no row or column: {', '.join(sorted(wrong))}")
        return self

    def value(self, row: str, column: str, version: Version = "a") -> float | None:
        return self.values[row].of(version)[list(self.printed).index(column)]


@dataclass(frozen=True)
class Check:
    """A number that the paper computes from others, as printed and as recomputed."""

    version: Version
    what: str
    printed: float
    recomputed: float
    agrees: bool


def load(name: str) -> Reported:
    """Return a table by its name, as `ain/table4`. Raise UserError if there is none, or if its file is not valid."""
    file = PAPER / f"{name}.yml"
    if not file.is_file():
        raise UserError(f"paper.table={name}: choose one of {', '.join(names(name.partition('/')[0]) or names('ain'))}")
    try:
        return Reported.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise UserError(f"{file}: {' '.join(str(error).split())}") from None


def names(paper: str) -> list[str]:
    """Return the tables and figures of a paper: tables first, each in the order of their numbers."""
    found = [path for path in (PAPER / paper).glob("*.yml")]
    return [f"{paper}/{path.stem}" for path in sorted(found, key=_order)]


def _order(path: Path) -> tuple[str, int]:
    kind = path.stem.rstrip("0123456789_")
    number = path.stem.removeprefix(kind).partition("_")[0]
    return {"table": "0", "fig": "1"}.get(kind, kind), int(number or 0)


def place(name: str) -> str:
    """Return `Table 4`, `Fig. 10 to 12` or `facts` for a table's name."""
    stem = name.rpartition("/")[2]
    for kind, word in (("table", "Table"), ("fig", "Fig.")):
        if stem.startswith(kind):
            return f"{word} {stem.removeprefix(kind).replace('_', ' to ')}"
    return stem.capitalize()


def pairs(paper: str = "ain") -> list[Pair]:
    """Return the sentence pairs of all its tables."""
    return [pair for name in names(paper) for pair in load(name).pairs]


def checks(table: Reported) -> Iterator[Check]:
    """Recompute what the rules of a table say, in each version of the paper."""
    for rule in table.rules:
        for version in rule.versions:
            for what, printed, found in _numbers(table, rule, version):
                if printed is not None and found is not None:
                    rounded = round(found, max(rule.decimals, 2))
                    yield Check(version, what, printed, rounded, agree(printed, found, rule.decimals))


def discrepancies(table: Reported) -> list[Check]:
    """Return the numbers that do not add up. The same fault in both versions is named once."""
    found = {(one.what, one.printed, one.recomputed): one for one in reversed(list(checks(table))) if not one.agrees}
    return list(reversed(found.values()))


def _numbers(table: Reported, rule: Rule, version: Version) -> Iterator[tuple[str, float | None, float | None]]:
    """Yield (what it is, as printed, recomputed) for each number of a rule."""

    def value(row: str, column: str) -> float | None:
        return table.value(row, column, version)

    if rule.column is not None:
        parts = rule.of or [name for name in table.printed if name != rule.column]
        for row, line in table.values.items():
            found = combined(rule.kind, [value(row, name) for name in parts])
            yield f"{line.printed}, {table.printed[rule.column]}", value(row, rule.column), found
    elif rule.row is not None:
        for column, printed in table.printed.items():
            found = combined(rule.kind, [value(name, column) for name in rule.of or []])
            yield f"{table.values[rule.row].printed}, {printed}", value(rule.row, column), found
    else:
        yield rule.text, rule.says, _claimed(table, rule, version)


def _claimed(table: Reported, rule: Rule, version: Version) -> float | None:
    assert rule.at
    if rule.kind != "wins":
        return combined(rule.kind, [table.value(name, rule.at, version) for name in rule.of or []])
    columns = [name for name in table.printed if name != rule.at]
    first, second = ([table.value(name, column, version) for column in columns] for name in rule.of or [])
    return wins(first, second)


def rows_of(table: Reported) -> Iterator[dict[str, Any]]:
    """Yield each number with its dimensions: row, column, value in each version."""
    for row in table.values:
        for column in table.printed:
            a, b = (table.value(row, column, version) for version in ("a", "b"))
            if a is not None or b is not None:
                yield {"row": row, "column": column, "a": a, "b": b}
