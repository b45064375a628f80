"""Compare verifiers on a page: Fig. 14's heatmap with the paper's columns beside ours, and Fig. 15's curves."""

from pathlib import Path
from typing import Any

import numpy as np

from ain.metrics import detection
from ain.report import figures
from ain.report.job import clear
from ain.report.paper import load
from ain.report.render import render
from ain.storage.manifest import read_manifest
from ain.storage.tables import Table, read_table, write_table


def report_probes(jobs: list[dict[str, Any]], where: Path) -> None:
    """Write the page with one column per verifier. Unavailable verifiers are listed with the reason."""
    clear(where)
    done = {_name(job): Path(job["directories"]["probe"]) for job in jobs if job["status"] == "done"}
    missing = [{"verifier": _name(job), "reason": job.get("error", "")} for job in jobs if job["status"] != "done"]
    pairs, printed = _pairs(done)
    write_table(where / "tables" / "heatmap.csv", pairs)
    summary = [{"verifier": name, **read_table(path / "tables" / "summary.csv")[0]} for name, path in done.items()]
    separation = [{key: row[key] for key in row if key == "verifier" or key.startswith("pairs_")} for row in summary]
    separation += [_as_printed(pairs, column) for column in printed]
    write_table(where / "tables" / "separation.csv", separation)
    page: dict[str, Any] = {"missing": missing, "separation": separation, "curves": [], "kinds": [], "figures": {}}
    page["columns"] = [*done, *printed]
    shown = ("pair", "group", "original", "translation", *page["columns"])
    page["pairs"] = [
        {key: round(row[key], 2) if isinstance(row[key], float) else row[key] for key in shown} for row in pairs
    ]
    page["best"] = max(separation[: len(done)], key=lambda row: row["pairs_margin"], default=None)
    page["figures"]["heatmap"] = figures.heatmap(pairs, [*done, *printed], where / "figures" / "heatmap.png")
    if all((path / "tables" / "tried.csv").exists() for path in done.values()):
        page["curves"] = [_with_intervals(row) for row in summary]
        page["kinds"] = [
            {"verifier": n, **row} for n, path in done.items() for row in read_table(path / "tables" / "kinds.csv")
        ]
        page["kinds"] = [_short(row) for row in page["kinds"]]
        write_table(where / "tables" / "curves.csv", summary)
        write_table(where / "tables" / "kinds.csv", page["kinds"])
        threshold = read_manifest(next(iter(done.values())))["settings"]["probe"]["threshold"]
        scores = {name: _scores(path) for name, path in done.items()}
        page["figures"]["curves"] = figures.curves(scores, threshold, where / "figures" / "curves.png")
    render(where, "probe", page)


def _name(job: dict[str, Any]) -> str:
    return str(job["label"]).removeprefix("verifier=")


def _pairs(done: dict[str, Path]) -> tuple[Table, list[str]]:
    """Return the probe pairs, with columns for our verifiers and for those in Fig. 14, and the names of the latter."""
    printed = load("ain/fig14")
    columns = [f"{name}, as printed" for name in printed.printed.values()]
    values = {pair: line.a for pair, line in printed.values.items()}
    tables = {name: read_table(path / "tables" / "pairs.csv") for name, path in done.items()}
    rows = []
    for of in zip(*tables.values(), strict=True):
        shared = {key: of[0][key] for key in ("pair", "group", "original", "translation", "correct", "criterion")}
        ours = {name: row["similarity"] for name, row in zip(tables, of, strict=True)}
        rows.append(
            {**shared, **ours, **dict(zip(columns, values.get(of[0]["pair"], [None] * len(columns)), strict=True))}
        )
    return rows, columns


def _as_printed(pairs: Table, column: str) -> dict[str, Any]:
    """Return the separation by the paper's own numbers, over the 14 pairs that it prints."""
    right, wrong = (
        np.array([row[column] for row in pairs if row[column] is not None and row["correct"] is side])
        for side in (True, False)
    )
    return {"verifier": column, **detection.separation(right, wrong)}


def _scores(path: Path) -> tuple[np.ndarray, np.ndarray]:
    rows = read_table(path / "tables" / "tried.csv")
    good, poor = ([r["similarity"] for r in rows if (r["kind"] == "good") == side] for side in (True, False))
    return np.array(good), np.array(poor)


def _with_intervals(row: dict[str, Any]) -> dict[str, Any]:
    areas = {
        name: f"{row[name]} ({row[f'{name}_low']} – {row[f'{name}_high']})" for name in ("auc", "average_precision")
    }
    rest = ("threshold_needed", "caught_there", "caught_at_paper", "refused_at_paper")
    made = {"verifier": row["verifier"], **areas, **{name: row[name] for name in rest}}
    return {name.replace("_", " "): value for name, value in made.items()}


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Shorten the headings: each verifier needs its own threshold, so no heading can state it."""
    return {"caught at the needed threshold" if "as needed" in key else key: value for key, value in row.items()}
