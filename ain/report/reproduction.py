"""Put the paper's numbers beside ours.

A table is `measured` if any of its numbers was, `stood in for` if only stand-ins were, and else it is `waiting`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ain.report.axes import given
from ain.report.join import Cell, joined
from ain.report.paper import Check, Reported, discrepancies, load, rows_of
from ain.storage.tables import Table

REASONS = 2  # why numbers are missing, in the state of a table; its notes have them all
MEASURED, STOOD_IN, WAITING = "measured", "stood in for", "waiting"


@dataclass(frozen=True)
class Reproduction:
    """A table or figure of a paper beside what jobs measured. table: what is compared, that of a figure which draws one. cells:
    ours. figure: ours. foreign: whether anything of ours stands in."""

    name: str
    shown: Reported
    table: Reported
    rows: Table
    notes: list[str]
    cells: list[Cell] = field(default_factory=list)
    figure: Path | None = None
    foreign: bool = False
    wrong: list[Check] = field(default_factory=list)

    @property
    def state(self) -> str:
        ours = [row for row in self.rows if row["ours"] is not None]
        if any(not row["stand_in"] for row in ours) or (self.figure and not ours and not self.foreign):
            return MEASURED
        return STOOD_IN if ours or self.figure else WAITING

    @property
    def detail(self) -> str:
        """Return what stood in, and how many of the paper's numbers have none of ours, with the reason."""
        stood = [part for part in ("model", "data", "benchmark") if any(part in row["stand_in"] for row in self.rows)]
        said = [", ".join(stood)] if stood and self.state == STOOD_IN else []
        said += ["our figure shows stand-ins"] if not self.rows and self.figure and self.foreign else []
        printed = [row for row in self.rows if row["paper"] is not None]
        if missing := [row for row in printed if row["ours"] is None]:
            why = dict.fromkeys(f"{row['column']}: {row['why']}" for row in missing if row["why"])
            said.append(f"{len(missing)} of {len(printed)} numbers have none of ours" + (" (" if why else ""))
            said[-1] += "; ".join(list(why)[:REASONS]) + (")" if why else "")
        return "; ".join(said)


def reproduction(
    name: str,
    jobs: list[dict[str, Any]],
    rows: Table,
    names: Mapping[str, Mapping[str, str]],
    columns: str | None,
    places: list[Path],
) -> Reproduction:
    """Compare. jobs: rows of job.json; rows: their numbers in long format; names, columns: what stands in (`joined`);
    places: folders that may hold the figure."""
    shown = load(name)
    table = load(f"{name.partition('/')[0]}/{shown.of}") if shown.of else shown
    if shown.pairs:  # of the figure that scores them
        refs = [pair.ref for pair in shown.pairs]
        table = table.model_copy(update={"values": {ref: table.values[ref] for ref in refs if ref in table.values}})
    cells = joined(table, rows, names, columns)
    made = _beside(table, cells, _reasons(table, jobs, names))
    drawn = (path for folder in places for path in sorted((folder / "figures").glob(f"{shown.figure}*.png")))
    return Reproduction(
        name,
        shown,
        table,
        made,
        _notes(table, cells, made, jobs, names),
        cells,
        next(drawn, None) if shown.figure else None,
        any(row.get(dim) in of for row in rows for dim, of in names.items()),
        discrepancies(table),
    )


def _reasons(table: Reported, jobs: list[dict[str, Any]], names: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Return row or column → why no job measured it."""
    found = {}
    for job in jobs:
        if job["status"] != "done":
            chosen = {key.removesuffix("s"): value.strip("[]") for key, value in given(job["overrides"]).items()}
            for dim in (table.rows, table.columns):
                if (option := chosen.get(dim)) is not None:
                    found[names.get(dim, {}).get(option, option)] = f"{option} is unavailable: {job['error']}"
    return found


def _beside(table: Reported, cells: list[Cell], reasons: dict[str, str]) -> Table:
    """Return a row for each number of the paper and each of ours that stands for it, then for ours without a counterpart."""
    made: Table = []
    for number in rows_of(table):
        where = (number["row"], number["column"])
        ours = [cell for cell in cells if (cell.row, cell.column) == where]
        why = next((reasons[key] for key in where if key in reasons), None)
        made += [_row(table, number, cell) for cell in ours] or [_row(table, number, None, why)]
    for cell in cells:
        if cell.row not in table.values or cell.column not in table.printed:
            made.append(_row(table, {"row": cell.row, "column": cell.column, "a": None, "b": None}, cell))
    return made


def _row(table: Reported, number: dict[str, Any], cell: Cell | None, why: str | None = None) -> dict[str, Any]:
    paper, value = number["a"], cell.value if cell else None
    known = value is not None and paper is not None and cell is not None and not cell.stand_in
    line = table.values.get(number["row"])
    return {
        "row": line.printed if line else number["row"],
        "column": table.printed.get(number["column"], number["column"]),
        "paper": paper,
        "paper, version B": number["b"] if number["b"] != paper else None,
        "ours": value,
        "low": cell.low if cell else None,
        "high": cell.high if cell else None,
        "difference": round(value - paper, 4) if known and value is not None else None,
        "n": cell.n if cell else None,
        "by": cell.ours if cell else "",
        "stand_in": " and ".join(cell.stand_in) if cell else "",
        "why": (cell.why if cell else why) if value is None else None,
    }


def _notes(
    table: Reported, cells: list[Cell], rows: Table, jobs: list[dict[str, Any]], names: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Return what a reader has to know about our numbers, a sentence each."""
    used = {part for cell in cells if cell.value is not None for part in cell.ours.split(", ")}
    made = [
        f"{ours} stands in for {_printed(table, theirs)}: its numbers are its own"
        for dim, of in names.items()
        for ours, theirs in of.items()
        if dim != "benchmark" and ours in used
    ]
    kinds = {"data" in cell.stand_in for cell in cells if cell.n is not None} if table.data else set()
    for drawn in sorted(kinds, reverse=True):
        sizes = sorted({cell.n for cell in cells if cell.n is not None and ("data" in cell.stand_in) is drawn})
        said = "drawn scenes of the miniature, a stand-in" if drawn else "your data"
        made.append(f"data: {said} ({' or '.join(f'{n:,}' for n in sizes)} samples); the paper: {table.data}")
    if any("benchmark" in cell.stand_in for cell in cells):
        made.append("benchmark: the miniature's drawn scenes, a stand-in")
    if any(row["stand_in"] for row in rows):
        made.append("no difference is given against a stand-in: it would say nothing about the paper")
    made += [f"{_choice(job)} is unavailable: {job['error']}" for job in jobs if job["status"] != "done"]
    reasons = dict.fromkeys(
        (row["column"], row["why"]) for row in rows if row["why"] and "unavailable" not in row["why"]
    )
    return [*made, *(f"no {column}: {why}" for column, why in reasons)]


def _printed(table: Reported, name: str) -> str:
    return table.values[name].printed if name in table.values else table.printed.get(name, name)


def _choice(job: dict[str, Any]) -> str:
    words = [word.partition("=")[2].strip("[]") for word in job["overrides"]]
    return " ".join(words) or str(job.get("label", "the job"))
