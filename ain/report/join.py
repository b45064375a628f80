"""Join what jobs measured with the numbers that a paper prints, on their dimensions.

What stands in for the paper's model, data or benchmark is named at each number, and has no difference: it would say
nothing about the paper. Totals of ours follow from our numbers by the rules of the paper's table.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ain.metrics.averages import TOTAL, Accuracy, averages
from ain.metrics.totals import combined
from ain.report.paper import Reported, Rule
from ain.storage.tables import Table

Row = dict[str, Any]
DRAWN = "miniature"  # the source whose data, and the benchmark whose questions, stand in for a paper's
FINER = "kind"  # a dimension that splits numbers; a table that does not have it gets those that are not split
WHOLE = "all"  # domains together
SKIPPED = ("value", "low", "high", "n", "why")


class Cell(NamedTuple):
    """A number of ours in its place of the paper's table, or the reason why there is none."""

    row: str
    column: str
    ours: str  # our options, if they stand in for the row's or the column's
    value: float | None
    low: float | None
    high: float | None
    n: int | None
    why: str | None
    stand_in: tuple[str, ...]


def joined(
    table: Reported, rows: Table, names: Mapping[str, Mapping[str, str]], columns: str | None = None
) -> list[Cell]:
    """Return our cells. names: dimension → our option → the paper's that it stands for. columns: our dimension in place of
    the paper's columns, for the miniature's benchmark, which has none of these."""
    cells = [cell for row in with_suites(rows) if (cell := _placed(table, row, names, columns))]
    return [*cells, *_by_rules(table, cells)]


def with_suites(rows: Table) -> Table:
    """Replace the domains of single benchmarks by their averages where a model was asked a suite of several: data sets count
    alike in their sub-domain, sub-domains in their domain. `benchmark` is the suite's name then."""
    asked: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if "suite" in row and row.get("model") and row.get("domain"):
            asked.setdefault((row["suite"], row["model"]), set()).add(row["benchmark"])
    several = {of for of, benchmarks in asked.items() if len(benchmarks) > 1}
    split = [row for row in rows if (row.get("suite"), row.get("model")) in several and row.get("domain")]
    replaced = {id(row) for row in split if row["domain"] != WHOLE and not row.get(FINER)}
    kept = [row for row in rows if id(row) not in replaced]
    return [*kept, *_averaged([row for row in split if row.get(FINER) and row["metric"] == "accuracy"])]


def _averaged(rows: Table) -> Iterator[Row]:
    groups: dict[tuple[Any, ...], Table] = {}
    for row in rows:
        groups.setdefault((row["suite"], row["model"], row["language"], row["images"]), []).append(row)
    for (suite, *_), of in groups.items():
        numbers = (Accuracy(r["benchmark"], r["domain"], r[FINER], r["value"], r["n"], r["n"]) for r in of)
        shared = {name: value for name, value in of[0].items() if name not in (*SKIPPED, FINER)}
        for mean in averages(numbers):
            if mean["domain"] != TOTAL:
                named = {"benchmark": suite, "domain": mean["domain"]}
                bounds = _bounds([row for row in of if row["domain"] == mean["domain"]], mean["mean"])
                yield shared | named | bounds | {"value": mean["mean"], "n": mean["labelled"], "why": of[0].get("why")}


def _bounds(rows: Table, mean: float | None) -> Row:
    """Return the interval of a domain's mean; data sets have different images, so they are independent."""
    known = [row for row in rows if row["value"] is not None]
    kinds = Counter(row[FINER] for row in known)
    if mean is None or any(row["low"] is None for row in known):
        return {}
    weights = [1 / (len(kinds) * kinds[row[FINER]]) for row in known]
    below, above = (
        math.sqrt(sum((weight * (row[side] - row["value"])) ** 2 for weight, row in zip(weights, known, strict=True)))
        for side in ("low", "high")
    )
    return {"low": round(mean - below, 1), "high": round(mean + above, 1)}


def _placed(table: Reported, row: Row, names: Mapping[str, Mapping[str, str]], columns: str | None) -> Cell | None:
    """Return a number of ours as a cell of the table, or None if it belongs to none."""
    stood = {dim for dim, of in names.items() if row.get(dim) in of}
    mapped = row | {dim: names[dim][row[dim]] for dim in stood}
    same, replaced = dict(table.same), False
    if columns and row.get("benchmark") == DRAWN and not row.get(FINER):
        if row.get(columns) == WHOLE:
            return None
        mapped[table.columns] = row.get(columns)
        same.pop(columns, None)
        stood.add("benchmark")
        replaced = True
    place, column = str(mapped.get(table.rows)), str(mapped.get(table.columns))
    same |= table.columns_same.get(column, {})
    known = not table.values or place in table.values
    listed = column in table.printed or replaced
    split = row.get(FINER) and FINER not in (table.rows, table.columns)
    if split or not (known and listed) or any(mapped.get(dim) != value for dim, value in same.items()):
        return None
    used = [dim for dim in (table.rows, table.columns, *same, *(["benchmark"] if replaced else [])) if dim in stood]
    ours = ", ".join(str(row[dim]) for dim in dict.fromkeys(used) if dim in row and dim != "benchmark")
    foreign = {"benchmark" if dim == "benchmark" else "model" for dim in used}
    foreign |= {"data"} if table.data and row.get("source") == DRAWN else set()
    value, low, high, n, why = (row.get(name) for name in SKIPPED)
    order = ("model", "data", "benchmark")
    return Cell(place, column, ours, value, low, high, n, why, tuple(one for one in order if one in foreign))


def _by_rules(table: Reported, cells: list[Cell]) -> Iterator[Cell]:
    """Yield the totals and differences of ours that the table has rules for and that were not measured."""
    for rule in table.rules:
        if rule.column is not None:
            for row in dict.fromkeys(cell.row for cell in cells):
                of = {cell.column: cell for cell in cells if cell.row == row}
                if rule.column not in of and (found := _total(rule, of, table)):
                    yield found
        elif rule.row is not None:
            by_row = {name: {c.column: c for c in cells if c.row == name} for name in rule.of or []}
            for column in dict.fromkeys(cell.column for cell in cells):
                parts = [by_row[name].get(column) for name in rule.of or []]
                if all(parts) and rule.row not in {cell.row for cell in cells}:
                    yield _combined(rule, [one for one in parts if one], rule.row, column)


def _total(rule: Rule, of: Mapping[str, Cell], table: Reported) -> Cell | None:
    expected = rule.of or [name for name in table.printed if name != rule.column]
    if set(expected) - set(of) and set(of) & set(table.printed):
        return None  # a mean over fewer columns would be another number
    return _combined(rule, list(of.values()), next(iter(of.values())).row, str(rule.column))


def _combined(rule: Rule, parts: list[Cell], row: str, column: str) -> Cell:
    """Combine cells. The interval of a mean takes its parts as independent: they are about different images."""
    value = combined(rule.kind, [cell.value for cell in parts])
    low = high = None
    if value is not None:
        value = round(value, 2)
        if rule.kind == "mean" and all(cell.low is not None and cell.high is not None for cell in parts):
            below, above = (_spread(parts, side) for side in ("low", "high"))
            low, high = round(value - below, 2), round(value + above, 2)
    ours = " − ".join(dict.fromkeys(cell.ours for cell in parts if cell.ours))
    n = sum(cell.n or 0 for cell in parts) if rule.kind == "mean" else parts[0].n
    why = next((cell.why for cell in parts if cell.why), None)
    return Cell(row, column, ours, value, low, high, n, why, tuple(dict.fromkeys(s for c in parts for s in c.stand_in)))


def _spread(parts: Iterable[Cell], side: str) -> float:
    gaps = [getattr(cell, side) - cell.value for cell in parts]  # type: ignore[operator]
    return math.sqrt(sum(gap**2 for gap in gaps)) / len(gaps)
