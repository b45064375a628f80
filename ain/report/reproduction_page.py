"""Show a table of the paper beside ours: on the terminal, as Markdown, HTML, LaTeX and CSV, and as a state to list."""

import json
import os
from pathlib import Path
from typing import Any

from ain.report import domain_figures, figures
from ain.report.latex import latex
from ain.report.paper import PAPER_VERSIONS, Check, Reported, load, place
from ain.report.render import render
from ain.report.reproduction import Reproduction
from ain.storage.files import replace_bytes, replace_text
from ain.storage.tables import Table, write_table

WIDEST = 10  # columns of a table on a page
SHOWN = ("row", "column", "paper", "ours", "interval", "difference", "n", "by")


def presented(rows: Table, table: Reported) -> Table:
    """Return the rows with the columns that a reader sees: intervals as one text, stand-ins marked."""
    headings = {"row": table.rows, "column": table.columns, "interval": "95 % interval", "by": "ours is (stand-in)"}
    made = []
    for row in rows:
        bounds = f"{row['low']} – {row['high']}" if row["low"] is not None and row["ours"] is not None else None
        by = row["by"] + _in_brackets(row["stand_in"])
        made.append({**{name: row.get(name) for name in SHOWN}, "interval": bounds, "by": by or None})
        if row["paper, version B"] is not None:
            made[-1]["paper"] = f"{row['paper']} / {row['paper, version B']}"
    kept = [name for name in SHOWN if name in ("paper", "ours") or any(row[name] is not None for row in made)]
    return [{headings.get(name, name): row[name] for name in kept} for row in made]


def as_printed(found: Reproduction) -> Table:
    """Return the paper's table with ours below each of its rows, and the difference below that; transposed if it is too
    wide for a page."""
    columns = list(dict.fromkeys(row["column"] for row in found.rows))
    series: dict[str, dict[str, str | None]] = {}
    for row in sorted(found.rows, key=lambda row: _first(found.rows, row["row"])):
        name, at = row["row"], row["column"]
        by = f"ours: {row['by'] or 'measured'}"
        if row["paper"] is not None:
            other = row["paper, version B"]
            series.setdefault(name, {})[at] = _text(row["paper"]) + (f" / {other}" if other is not None else "")
        if row["ours"] is not None:
            bounds = _in_brackets(f"{row['low']} – {row['high']}" if row["low"] is not None else "")
            series.setdefault(f"{name}, {by}", {})[at] = f"{row['ours']}{bounds}"
        if row["difference"] is not None:
            series.setdefault(f"{name}, difference", {})[at] = f"{row['difference']:+g}"
    if len(columns) > WIDEST:
        return [{found.table.columns: at, **{name: of.get(at) for name, of in series.items()}} for at in columns]
    return [{found.table.rows: name, **{at: of.get(at) for at in columns}} for name, of in series.items()]


def _first(rows: Table, name: str) -> int:
    return next(i for i, row in enumerate(rows) if row["row"] == name)


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def lines(found: Reproduction) -> list[str]:
    """Return the comparison for a terminal: the numbers that have one of ours or a reason, and the notes."""
    rows = [row for row in found.rows if row["ours"] is not None or row["why"]]
    table = presented(rows, found.table)
    cells = [list(table[0]), *([_text(value) for value in row.values()] for row in table)] if table else []
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))] if cells else []
    state = ": ".join(filter(None, (found.state, found.detail)))
    made = [f"{place(found.name)}: {found.shown.title} ({found.shown.unit}): {state}"]
    made += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    made += found.notes
    if silent := len(found.rows) - len(rows):
        made.append(f"{silent} of the paper's numbers have none of ours: see the table")
    return [*made, *_doubts(found.wrong)]


def _doubts(wrong: list[Check]) -> list[str]:
    """Return a sentence for each number of the paper that does not follow from its others."""
    said = "the paper's own numbers do not add up (version {version}): {what} is {printed:g}, recomputed {recomputed:g}"
    return [said.format(**vars(one) | {"version": one.version.upper()}) for one in wrong]


def _text(value: Any) -> str:
    return "–" if value is None else str(value)


def write(found: Reproduction, where: Path, experiment: str, measures: Table) -> Path:
    """Write index.html, index.md, comparison.csv, measures.csv, state.json and, if there are numbers, table.tex. Return their
    folder."""
    where.mkdir(parents=True, exist_ok=True)
    rows, notes = as_printed(found), [*found.notes, *found.shown.footnotes, *_doubts(found.wrong)]
    figure = _figure(found, where / "figures")
    page = {
        "title": f"{place(found.name)}: {found.shown.title}",
        "found": found,
        "rows": rows,
        "footnotes": [*found.shown.footnotes, PAPER_VERSIONS],
        "doubts": _doubts(found.wrong),
        "experiment": experiment,
        "figure": figures.inline(figure.read_bytes()) if figure else None,
        "drawn": figure.name if figure else None,
    }
    render(where, "reproduction", page)
    if rows:
        replace_text(where / "table.tex", latex(rows, f"{page['title']} ({found.shown.unit})", notes))
    write_table(where / "comparison.csv", found.rows)
    write_table(where / "measures.csv", measures)
    state = {"table": found.name, "experiment": experiment, "state": found.state, "detail": found.detail}
    replace_text(where / "state.json", json.dumps(state, ensure_ascii=False, indent=1))
    return where


def _figure(found: Reproduction, where: Path) -> Path | None:
    """Draw a radar or bars from our numbers, or copy the figure that a stage or a page has drawn. Return its file."""
    draw = {"radar": domain_figures.radar, "accuracy": domain_figures.accuracy}.get(found.shown.figure or "")
    rows = [
        {
            "model": cell.ours.partition(",")[0] or cell.row,
            "language": found.table.same["language"],
            "images": "shown",
            "domain": cell.column,
            "accuracy": cell.value,
            "low": cell.value if cell.low is None else cell.low,
            "high": cell.value if cell.high is None else cell.high,
        }
        for cell in (found.cells if draw else [])
        if cell.value is not None and cell.column != "total"
    ]
    if draw and rows and draw(rows, where / f"{found.shown.figure}.png"):
        return where / f"{found.shown.figure}.png"
    if found.figure:
        where.mkdir(exist_ok=True)
        replace_bytes(where / found.figure.name, found.figure.read_bytes())
        return where / found.figure.name
    return None


def write_list(rows: Table, where: Path) -> Path:
    """Write the list of a paper's tables and figures with their states, as index.html, index.md and states.csv. rows: those
    of state.json, and `page`, the folder of a comparison."""
    made = [
        {
            "what": place(row["table"]),
            "title": load(row["table"]).title,
            "state": row["state"],
            "detail": row["detail"],
            "command": row["command"],
            "page": os.path.relpath(row["page"], where) if row["page"] else None,
        }
        for row in rows
    ]
    counts = {
        state: sum(row["state"] == state for row in made) for state in dict.fromkeys(row["state"] for row in made)
    }
    render(where, "reproductions", {"rows": made, "counts": counts})
    write_table(where / "states.csv", made)
    return where
