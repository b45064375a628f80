"""Clear old job files before a sweep; after it, print the table of all jobs and exit with an error if any failed."""

import json
import sys
import traceback
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from ain.pipeline.errors import sentence
from ain.pipeline.stages import REPORTED, targets
from ain.runtime.console import log, results
from ain.tracking.publish import Run, publish


class Sweep(Callback):
    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        for old in Path(config.hydra.sweep.dir).glob("*/job.json"):
            old.unlink()

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Finish the sweep. Hydra turns exceptions of callbacks into warnings, so show errors and exit here."""
        try:
            end(config)
        except Exception as error:
            if (words := sentence(error)) is not None:
                sys.exit(f"ain: {words}")
            traceback.print_exc()
            sys.exit("ain: the jobs are finished, but what follows them failed")


def end(config: DictConfig) -> None:
    """Print the table of all jobs, write their joint report, and exit with an error if any failed."""
    jobs = _jobs(Path(config.hydra.sweep.dir))
    if not jobs:
        sys.exit("ain: the sweep has no jobs; give at least one value, as in thresholds=default,none")
    for line in table(jobs):
        print(line, file=sys.stderr)
    for key in without_effect(jobs):
        log.warning(f"warning: {key} has no effect here: jobs that differ in it alone have the same results")
    done = [job for job in jobs if job["status"] in ("done", "planned")]
    unavailable = [job for job in jobs if job["status"] == "unavailable"]
    missing = 0
    if done and not config.dry_run:
        missing = len(unavailable) if _together(jobs, config) or config.reproduce else 0
        if config.reproduce:  # its lines name what is unavailable
            for line in _compared(jobs, config):
                print(line, file=results(), flush=True)
    if failed := len(jobs) - len(done) - missing:
        sys.exit(
            f"ain: {failed} of {len(jobs)} jobs failed; the same command tries them again and repeats nothing that is done"
        )


def _together(jobs: list[dict[str, Any]], config: DictConfig) -> bool:
    """Write the joint report of the jobs. Return whether an unavailable job counts as a result instead of a failure."""
    where = Path(config.output_dir) / "report"
    if config.stage in REPORTED:
        from ain.report.sweep import report_sweep

        report_sweep(jobs, where)
        log.info(f"{where / 'index.html'}")
        return False
    answers = False
    for stage in targets(config):
        if together := stage.hook("together"):
            page = together(jobs=jobs, where=where)
            log.info(f"{page}")
            answers = answers or bool(stage.hook("UNAVAILABLE_IS_AN_ANSWER"))
            publish(_run(config), {}, page if page.is_dir() else page.parent)
    return answers


def _run(config: DictConfig) -> Run:
    """Return the sweep as a W&B run."""
    experiment = config.hydra.runtime.choices.get("experiment")
    plain = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    return Run(
        mode=config.tracker.mode,
        project=config.tracker.project,
        name=f"{experiment or config.stage}: all",
        group=experiment,
        job_type="sweep",
        tags=[experiment or config.stage],
        config=OmegaConf.to_container(plain, resolve=True),  # type: ignore[arg-type]
        folder=Path(config.hydra.sweep.dir),
    )


def _jobs(folder: Path) -> list[dict[str, Any]]:
    """Return all jobs of the sweep in the order they started, each with a label that distinguishes it."""
    jobs = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*/job.json")]
    jobs.sort(key=lambda job: job["started"])
    common = set.intersection(*(set(job["overrides"]) for job in jobs)) if len(jobs) > 1 else set()
    for job in jobs:
        job["label"] = " ".join(word for word in job["overrides"] if word not in common) or "(defaults)"
        if job["status"] == "running":  # its process was killed
            job |= {"status": "failed", "error": "it was killed", "seconds": ""}
    return jobs


def _compared(jobs: list[dict[str, Any]], config: DictConfig) -> list[str]:
    from ain.report.reproduction import compare, lines
    from ain.storage.tables import write_table

    paper: Any = OmegaConf.to_container(config.paper)
    table = compare(jobs, paper)
    where = Path(config.output_dir) / "report" / f"{paper['table'].replace('/', '-')}.csv"
    write_table(where, table)
    log.info(f"{where}")
    return lines(table, paper, jobs)


def table(jobs: list[dict[str, Any]]) -> list[str]:
    """Return one line per job: its overrides, its status, and its headline or error."""
    rows = [("job", "status", "seconds", "")]
    for job in jobs:
        headline = numbers(job.get("headline", {}))
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


def numbers(headline: dict[str, Any]) -> str:
    """Return a job's numbers in a line."""
    return "  ".join(f"{name} {_short(value)}" for name, value in headline.items())


def without_effect(jobs: list[dict[str, Any]]) -> list[str]:
    """Return the keys of the sweep that made no difference, such as `prompt` for a translator that takes none."""
    given = [
        ({key: value for key, _, value in (word.partition("=") for word in job["overrides"])}, job.get("directories"))
        for job in jobs
    ]
    keys = dict.fromkeys(key for overrides, _ in given for key in overrides)
    return [key for key in keys if _same(key, given)]


def _same(key: str, given: list[tuple[dict[str, str], Any]]) -> bool:
    """Return whether all jobs that differ in the key alone have the same directories, if there are any such jobs."""
    alike: dict[str, list[tuple[str, Any]]] = {}
    for overrides, directories in given:
        if directories:
            others = json.dumps({name: value for name, value in overrides.items() if name != key}, sort_keys=True)
            alike.setdefault(others, []).append((overrides.get(key, ""), directories))
    compared = [group for group in alike.values() if len({value for value, _ in group}) > 1]
    return bool(compared) and all(directories == group[0][1] for group in compared for _, directories in group)


def _short(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
