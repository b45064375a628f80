"""Note what a sweep is to do; after it, print the table of all jobs and exit with an error if any failed."""

import json
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from ain import UserError
from ain.pipeline.build import plain
from ain.pipeline.errors import sentence
from ain.pipeline.index import write_index
from ain.pipeline.job import distinguishing
from ain.pipeline.job_file import planned, sweep_row
from ain.pipeline.jobs import REPORT, known_row, labels, read_row, write_row
from ain.pipeline.needs import Needs, stand_in, tables
from ain.pipeline.stages import REPORTED, targets
from ain.report import headline
from ain.report.axes import axes, baseline, setting
from ain.runtime.console import log, results


class Sweep(Callback):
    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        for words in _standing_in(config):
            log.warning(f"warning: {words}; its numbers are its own")
        if not config.dry_run:
            begin(config)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Finish the sweep. Hydra turns exceptions of callbacks into warnings, so show errors and exit here."""
        try:
            end(config)
        except Exception as error:
            if (words := sentence(error)) is not None:
                sys.exit(f"ain: {words}")
            traceback.print_exc()
            sys.exit("ain: the jobs are finished, but what follows them failed")
        finally:
            if not config.dry_run:
                _note(config, ended=time.time())
                write_index(Path(config.output_dir))


def begin(config: DictConfig) -> None:
    """Write sweep.json, and mark the jobs of an earlier attempt as missing: they are still to run. Until they do, what
    they refer to stays."""
    folder = Path(config.hydra.sweep.dir)
    for file in folder.glob("*/job.json"):
        if row := read_row(file):
            write_row(file, row | {"status": "missing"})
        else:
            file.unlink()
    _refuse_unknown_baseline(config)
    row = sweep_row(config, folder, distinguishing(config.hydra.overrides.task))
    write_row(folder / "sweep.json", row | {"started": time.time()})


def _refuse_unknown_baseline(config: DictConfig) -> None:
    """Exit, before any work, if `report.baseline` means none of the settings that the sweep is to have."""
    if config.report.baseline is None or (jobs := planned(config)) is None:
        return
    words = [[*(word for word in job if word.startswith("experiment=")), *distinguishing(job)] for job in jobs]
    try:
        baseline([setting(job, axes(words)) for job in words], config.report.baseline)
    except UserError as error:
        sys.exit(f"ain: {error}")  # Hydra turns exceptions of callbacks into warnings


def _note(config: DictConfig, **more: Any) -> None:
    file = Path(config.hydra.sweep.dir) / "sweep.json"
    write_row(file, (read_row(file) or {"jobs": None}) | more)


def end(config: DictConfig) -> None:
    """Print the table of all jobs, write their joint report, and exit with an error if any failed."""
    from ain.report.job import clear

    jobs = _jobs(Path(config.hydra.sweep.dir))
    if not jobs:
        sys.exit("ain: the sweep has no jobs; give at least one value, as in thresholds=default,none")
    for line in table_of(jobs):
        print(line, file=sys.stderr)
    for key in without_effect(jobs):
        log.warning(f"warning: {key} has no effect here: jobs that differ in it alone have the same results")
    if not config.dry_run:
        clear(_page(config))
        _note(config, pages=[])
    done = [job for job in jobs if job["status"] in ("done", "planned")]
    unavailable = [job for job in jobs if job["status"] == "unavailable"]
    missing = len(unavailable) if config.reproduce else 0
    if not config.dry_run:
        answers, pages = _together(jobs, config) if done else (False, {})
        missing = len(unavailable) if answers or config.reproduce else 0
        compared = _compared(jobs, config, list(pages.values())) if config.reproduce else {}
        _publish(jobs, pages, compared, config, failed=len(jobs) - len(done) - missing)
    if failed := len(jobs) - len(done) - missing:
        sys.exit(
            f"ain: {failed} of {len(jobs)} jobs failed; the same command tries them again and repeats nothing that is done"
        )


def _together(jobs: list[dict[str, Any]], config: DictConfig) -> tuple[bool, dict[str, Path]]:
    """Write the joint report of the jobs. Return whether an unavailable job counts as a result instead of a failure, and
    the directories of the pages by name."""
    where = _page(config)
    answers, compared = False, [] if config.stage in REPORTED else [s for s in targets(config) if s.hook("together")]
    if not compared:
        from ain.report.sweep import report_sweep

        sweep = read_row(Path(config.hydra.sweep.dir) / "sweep.json") or {}
        report_sweep(jobs, where, sweep, config.report.baseline)
        _note_page(config, where / "index.html")
        return False, {"report": where}
    pages = {}
    for stage in compared:
        page = stage.hook("together")(jobs=jobs, where=where)
        _note_page(config, page / "index.html" if (page / "index.html").exists() else page)
        answers = answers or bool(stage.hook("UNAVAILABLE_IS_AN_ANSWER"))
        pages[stage.name] = page if page.is_dir() else page.parent
    return answers, pages


def _page(config: DictConfig) -> Path:
    """Return the sweep's own folder in the report."""
    sweep = Path(config.hydra.sweep.dir).name.removeprefix("sweep-")
    return Path(config.output_dir) / REPORT / "sweeps" / sweep


def _note_page(config: DictConfig, page: Path) -> None:
    """Name a page of the sweep to the person, and in sweep.json to `ain status` and the report's first page."""
    log.info(f"{page}")
    known = (read_row(Path(config.hydra.sweep.dir) / "sweep.json") or {}).get("pages", [])
    _note(config, pages=list(dict.fromkeys([*known, page.relative_to(config.output_dir).as_posix()])))


def _publish(
    jobs: list[dict[str, Any]], pages: dict[str, Path], tables: dict[str, Path], config: DictConfig, failed: int
) -> None:
    """Publish what the jobs made together, if anything, as a run beside theirs."""
    from ain.pipeline.tracked import sweep_run

    if pages or tables:
        summary = {"jobs": len(jobs), "failed": failed}
        sweep_run(config).publish(pages=pages, tables=tables, summary=summary, exit_code=int(failed > 0))


def _jobs(folder: Path) -> list[dict[str, Any]]:
    """Return all jobs of the sweep in the order they started, each with a label that distinguishes it."""
    found = {path: known_row(path) for path in folder.glob("*/job.json")}
    for path in [path for path, job in found.items() if job["status"] == "missing"]:
        path.unlink()  # of an earlier attempt whose settings or code were others
        del found[path]
    jobs = list(found.values())
    jobs.sort(key=lambda job: job["started"])
    if len({job.get("experiment") for job in jobs}) > 1:
        for job in jobs:
            job["overrides"] = [f"experiment={job.get('experiment')}", *job["overrides"]]
    for job, label in zip(jobs, labels([job["overrides"] for job in jobs]), strict=True):
        job["label"] = label
        if job["status"] == "running":  # its process was killed
            job |= {"status": "failed", "error": "it was killed", "seconds": ""}
    return jobs


def _compared(jobs: list[dict[str, Any]], config: DictConfig, pages: list[Path]) -> dict[str, Path]:
    """Write and print the paper's numbers beside ours, the table that the experiment names first; the last line is the
    directory of that. Return the tables for W&B."""
    from ain.pipeline.long import long_rows
    from ain.report.reproduction import reproduction
    from ain.report.reproduction_page import lines, write

    given, experiment = stand_in(plain(config, "stand_in")), str(config.hydra.runtime.choices.get("experiment"))
    rows = [row for job in jobs for row in long_rows(job)]
    seen = [Path(place) for job in jobs for place in job.get("directories", {}).values()]
    seen += [Path(config.output_dir) / Path(job["page"]).parent for job in jobs if job.get("page")]
    folders = {}
    for name in tables(plain(config, "paper")):
        found = reproduction(name, jobs, rows, given.names, given.columns, [*pages, *seen])
        folders[name] = write(found, _page(config) / name.replace("/", "-"), experiment, rows)
        _note_page(config, folders[name] / "index.html")
        print("\n".join(lines(found)), file=results(), flush=True)
    print(next(iter(folders.values())), file=results(), flush=True)
    return {"reproduce": next(iter(folders.values())) / "comparison.csv"}


def _standing_in(config: DictConfig) -> list[str]:
    """Return what is lacking here and what stands in for it, if the command has the experiment's stand-ins."""
    given, typed = stand_in(plain(config, "stand_in")), list(config.hydra.overrides.task)
    lacking = Needs(**(plain(config, "needs") or {})).lacking(typed)
    if not lacking or not given.overrides or not set(given.overrides) <= set(typed):
        return []
    return [f"{' '.join(given.overrides)} stands in (for the real thing: {'; '.join(lacking)})"]


def table_of(jobs: list[dict[str, Any]]) -> list[str]:
    """Return one line per job: its overrides, its status, and its headline or error."""
    rows = [("job", "status", "seconds", "")]
    for job in jobs:
        rows.append(
            (
                job["label"],
                job["status"],
                str(job.get("seconds", "")),
                job.get("error") or headline.line(job.get("headline", {})),
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]).rstrip()
        for row in rows
    ]


def without_effect(jobs: list[dict[str, Any]]) -> list[str]:
    """Return the keys of the sweep that made no difference, such as `prompt` for a translator that takes none."""
    given = [
        ({key: value for key, _, value in (word.partition("=") for word in job["overrides"])}, job.get("directories"))
        for job in jobs
        if job["status"] == "done"
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
