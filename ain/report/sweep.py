"""Write the page of a sweep: one row per job, and the differences between jobs."""

from collections import defaultdict
from pathlib import Path
from typing import Any

from ain.metrics.bootstrap import clustered
from ain.report import figures
from ain.report.render import render
from ain.storage.manifest import read_manifest
from ain.storage.shards import Shards
from ain.storage.tables import Table, write_table

BESIDE = ("translations kept", "trained on")  # what a difference is to be read by


def report_sweep(jobs: list[dict[str, Any]], where: Path) -> None:
    """Write one row per job, the differences between jobs over the same questions, and a link to each job's page."""
    done = [job for job in jobs if job["status"] == "done"]
    names = list(dict.fromkeys(name for job in done for name in job["headline"]))
    bars = [(job["label"], {language: _tuned(job, language) for language in ("ar", "en")}) for job in done]
    rows = [{"job": job["label"], "status": job["status"], **_named(job.get("headline", {}), names)} for job in jobs]
    write_table(where / "tables" / "jobs.csv", rows)
    figure = figures.sweep(bars, where / "figures" / "sweep.png") if done else None
    differences = _differences(done)
    if differences:
        write_table(where / "tables" / "differences.csv", differences)
    render(where, "sweep", {"jobs": jobs, "names": names, "figure": figure, "differences": differences})


def _named(headline: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {name: headline.get(name) for name in names}


def _tuned(job: dict[str, Any], language: str) -> float:
    """Return a job's tuned accuracy under its own condition: a model trained on grey images is tested on them."""
    return float(job["headline"][" ".join(["tuned", language, *(["blank"] if _trained_blank(job) else [])])])


def _trained_blank(job: dict[str, Any]) -> bool:
    mixtures = (manifest["settings"].get("mixture", {}) for manifest in _manifests(job).values())
    return any(mixture.get("images") == "blank" for mixture in mixtures)


def _manifests(job: dict[str, Any]) -> dict[Path, dict[str, Any]]:
    """Return the manifests of all stages of a job, by directory."""
    return {Path(name): read_manifest(Path(name)) for name in job["directories"].values()}


def _differences(jobs: list[dict[str, Any]]) -> Table:
    """Compare the first choice with each other one in Arabic, over the seeds and the questions that both have.

    A question's score is its mean over the seeds. The interval is a bootstrap over images, because the answers to
    questions about one image are correlated.
    """
    groups: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    counted: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for job in jobs:
        words = job["label"].split()
        seed = next((word for word in words if word.startswith("seed=")), "")
        name = " ".join(word for word in words if word != seed) or "(defaults)"
        groups[name][seed] = _scores(job)
        counted[name].append(job["headline"])
    (first, *others) = groups.items() if groups else [("", {})]
    rows = [row for other in others if (row := _difference(first, other))]
    sides = ("one", "other")
    return [
        row | {f"{side}: {name}": _span(counted[row[side]], name) for name in BESIDE for side in sides} for row in rows
    ]


def _span(headlines: list[dict[str, Any]], name: str) -> int | str | None:
    """Return a count over the seeds: one number, or the least and the greatest."""
    found = sorted({headline[name] for headline in headlines if name in headline})
    if len(found) < 2:
        return found[0] if found else None
    return f"{found[0]:,} to {found[-1]:,}"


def _difference(one: tuple[str, Any], other: tuple[str, Any]) -> dict[str, Any] | None:
    seeds = sorted(set(one[1]) & set(other[1]))
    answers = [side[1][seed] for seed in seeds for side in (one, other)]
    asked = [key for key in answers[0] if all(key in scores for scores in answers)] if answers else []
    if not asked:
        return None
    gaps: dict[str, list[float]] = defaultdict(list)
    for key in asked:
        gap = sum(one[1][seed][key] - other[1][seed][key] for seed in seeds) / len(seeds)
        gaps[key.rsplit("-", 2)[0]].append(gap)
    mean, low, high = (round(100 * value, 1) for value in clustered(list(gaps.values())))
    by_seed = [round(100 * sum(one[1][s][k] - other[1][s][k] for k in asked) / len(asked), 1) for s in seeds]
    return {
        "one": one[0],
        "other": other[0],
        "difference": mean,
        "low": low,
        "high": high,
        "questions": len(asked),
        "seeds": len(seeds),
        "by seed": " ".join(f"{gap:+.1f}" for gap in by_seed),
    }


def _scores(job: dict[str, Any]) -> dict[str, float]:
    """Return question → score in Arabic, under the image condition that the job was trained with."""
    condition = "blank" if _trained_blank(job) else "shown"
    tuned = next(path for path, manifest in _manifests(job).items() if manifest["counts"].get("model") == "tuned")
    rows = Shards(tuned).rows(["id", "language", "images", "score"])
    return {row["id"]: row["score"] for row in rows if row["language"] == "ar" and row["images"] == condition}
