"""Compare jobs side by side: settings that differ, counts of stages, scores, paired differences from the first job."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ain.report.differences import corrected, difference
from ain.report.measured import Measured
from ain.storage.tables import Table
from ain.text.languages import name as language_name

Jobs = Mapping[str, Measured]  # name → its numbers
ABSENT = "(absent)"  # of a job none of whose stages has the setting; null is a value
COUNTS = ("input", "kept", "rejected")


def compared(jobs: Jobs) -> dict[str, Table]:
    """Return the tables of the comparison by title. Columns for jobs have their names."""
    return {
        "settings": _settings(jobs),
        "stages": _stages(jobs),
        "scores": _scores(jobs),
        "differences": _differences(jobs),
        "shared": _shared(jobs),
    }


def flat(values: Any, key: str = "") -> dict[str, Any]:
    """Return nested settings as dotted key → value, such as `model.lora.rank` → 8. Classes are named without `_target_`."""
    if not isinstance(values, dict) or not values:
        return {key: values}
    made: dict[str, Any] = {}
    for name, value in values.items():
        made |= flat(value, key if name == "_target_" else f"{key}.{name}" if key else name)
    return made


def _effective(job: Measured) -> dict[str, Any]:
    """Return the settings of all stages, defaults included."""
    made: dict[str, Any] = {}
    for manifest in job.manifests.values():
        made |= flat(manifest["settings"])
    return made


def _settings(jobs: Jobs) -> Table:
    """Return a row for each setting that differs."""
    each = {name: _effective(job) for name, job in jobs.items()}
    keys = sorted({key for settings in each.values() for key in settings})
    rows: Table = [
        {"setting": key, **{name: settings.get(key, ABSENT) for name, settings in each.items()}} for key in keys
    ]
    return [row for row in rows if any(row[name] != row[next(iter(jobs))] for name in jobs)]


def _stages(jobs: Jobs) -> Table:
    """Return a row for each stage and count of records, and for its seconds."""
    rows: Table = []
    for stage in dict.fromkeys(stage for job in jobs.values() for stage in job.manifests):
        of = {name: job.manifests.get(stage) for name, job in jobs.items()}
        counts = {
            name: manifest["counts"] | {"seconds": manifest["seconds"]} if manifest else {}
            for name, manifest in of.items()
        }
        for what in (*COUNTS, "samples", "usd", "seconds"):
            if any(what in each for each in counts.values()):
                rows.append({"stage": stage, "what": what, **{name: each.get(what) for name, each in counts.items()}})
    return rows


def _scores(jobs: Jobs) -> Table:
    """Return a row for each job and accuracy, with its 95 % interval."""
    return [
        {
            "job": name,
            "accuracy of": str(measure),
            **{key: row[key] for key in ("accuracy", "low", "high", "questions")},
        }
        for measure in dict.fromkeys(measure for job in jobs.values() for measure in job.accuracy)
        for name, job in jobs.items()
        if (row := job.accuracy.get(measure))
    ]


def _differences(jobs: Jobs) -> Table:
    """Return a row for each other job and language: points above the first job, over the same questions."""
    (_, first), *others = jobs.items()
    rows = [
        {"job": name, "language": language_name(code), **found}
        for name, job in others
        for code in first.own
        if code in job.own and (found := difference([first.of(code)], [job.of(code)], first.images))
    ]
    return corrected(rows)


def _shared(jobs: Jobs) -> Table:
    """Return a row for each directory that several jobs refer to."""
    users: dict[Path, list[str]] = {}
    for name, job in jobs.items():
        for path in job.directories.values():
            users.setdefault(path, []).append(name)
    return [
        {"stage": path.name, "jobs": "all" if len(names) == len(jobs) else ", ".join(names)}
        for path, names in users.items()
        if len(names) > 1
    ]
