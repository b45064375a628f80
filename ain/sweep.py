"""Around a sweep: old job files are cleared first; at its end comes the table of all jobs, and a failure if any failed."""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig


class Sweep(Callback):
    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        for old in Path(config.hydra.sweep.dir).glob("*/job.json"):
            old.unlink()

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        jobs = _jobs(Path(config.hydra.sweep.dir))
        if not jobs:
            sys.exit("ain: the sweep has no jobs; give at least one value, as in thresholds=paper,none")
        for line in table(jobs):
            print(line, file=sys.stderr)
        failed = sum(job["status"] != "done" for job in jobs)
        if config.stage in ("run", "report") and not config.dry_run:
            failed += not _reported(jobs, Path(config.output_dir) / "report")
        if failed:
            sys.exit(
                f"ain: {failed} of {len(jobs)} jobs failed; the same command tries them again and repeats nothing that is done"
            )


def _jobs(folder: Path) -> list[dict[str, Any]]:
    """All jobs of the sweep in the order in which they began, each with a label that tells it from the others."""
    jobs = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*/job.json")]
    jobs.sort(key=lambda job: job["started"])
    common = set.intersection(*(set(job["overrides"]) for job in jobs)) if len(jobs) > 1 else set()
    for job in jobs:
        job["label"] = " ".join(word for word in job["overrides"] if word not in common) or "(defaults)"
        if job["status"] == "running":  # its process was killed
            job |= {"status": "failed", "error": "it was killed", "seconds": ""}
    return jobs


def _reported(jobs: list[dict[str, Any]], where: Path) -> bool:
    """Hydra makes mere warnings of what callbacks raise, so a fault in the report is said here."""
    from ain.stages.report import report_sweep

    try:
        report_sweep(jobs, where)
    except Exception:
        traceback.print_exc()
        return False
    print(f"ain: {where / 'index.html'}", file=sys.stderr)
    return True


def table(jobs: list[dict[str, Any]]) -> list[str]:
    """One line a job: its overrides, how it ended, and its headline or its error."""
    rows = [("job", "status", "seconds", "")]
    for job in jobs:
        headline = "  ".join(
            f"{name} {value:.1f}" for name, value in job.get("headline", {}).items() if isinstance(value, float)
        )
        rows.append(
            (
                job["label"],
                job["status"],
                str(job.get("seconds", "")),
                job.get("error") or headline,
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    ]
