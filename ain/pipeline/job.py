"""Run a job: one composed config with a folder named by its fingerprint, a `job.json` and a W&B run."""

import time
import traceback
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ain import Unavailable, UserError
from ain.pipeline.choices import differing
from ain.pipeline.errors import sentence
from ain.pipeline.index import write_index
from ain.pipeline.job_file import job_row, references
from ain.pipeline.jobs import NOTING, REPORT, RUNS, write_row
from ain.pipeline.masking import mask_files, masked
from ain.pipeline.read_only import found_done, is_read_only
from ain.pipeline.runner import plain_build, wanted
from ain.pipeline.stages import REPORTED
from ain.report import headline as numbers
from ain.runtime.console import log
from ain.runtime.distributed import rank, world_size
from ain.runtime.printable import printable
from ain.storage.digests import digest
from ain.storage.locks import lock
from ain.storage.manifest import read_manifest
from ain.tracking.tracker import Unpublished

if TYPE_CHECKING:
    from ain.pipeline.graph import Graph, Node
    from ain.pipeline.runner import Runner
    from ain.report.section import Section
    from ain.tracking.run import Run

_NOT_CONTENT = (
    "hydra",
    "output_dir",
    "dry_run",
    "allow_toys",
    "tracker",
    "engine",
    "experiment",
    "paper",
    "needs",
    "stand_in",
    "reproduce",
    "records",
    "report",
)
HEADLINE = ("input", "kept", "rejected", "steps", "loss", "validation_loss")  # for stages without their own headline
_NOT_A_CHOICE = ("stage", *_NOT_CONTENT)  # overrides that do not distinguish jobs


def fingerprint(cfg: DictConfig) -> str:
    plain = OmegaConf.to_container(
        OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key not in _NOT_CONTENT]), resolve=False
    )
    assert isinstance(plain, dict)
    return digest(_without_how({key: value for key, value in plain.items() if value is not None}))


def _without_how(plain: Any) -> Any:
    """Return all groups without their `how`, except the address of a server: it is part of what is asked. Classes are
    not imported, so values that equal a default still count."""
    if not isinstance(plain, dict):
        return plain
    server = (plain.get("how") or {}).get("base_url")
    rest = {key: _without_how(value) for key, value in plain.items() if key != "how"}
    return rest | ({"base_url": server} if server else {})


def distinguishing(overrides: Iterable[str]) -> list[str]:
    """Return the overrides that distinguish jobs."""
    return [word for word in overrides if _key(word) not in _NOT_A_CHOICE]


def _choices() -> dict[str, str]:
    return {str(group): str(choice) for group, choice in HydraConfig.get().runtime.choices.items()}


def _key(override: str) -> str:
    return override.lstrip("+~").split("=")[0].split(".")[0]


class Job:
    """A job as a context manager: on exit it writes job.json, however the work ended. It holds back an error that the
    user can fix (`error`), and in a sweep every error, so that the other jobs go on."""

    def __init__(self, cfg: DictConfig, folder: Path) -> None:
        self.cfg = cfg
        self.folder = folder
        self.error: BaseException | None = None
        self._graph: Graph | None = None
        self._runner: Runner | None = None
        self._run: Run | None = None
        self.row = job_row(cfg, folder, distinguishing(HydraConfig.get().overrides.task))

    def __enter__(self) -> "Job":
        self.row["started"] = self.started = time.time()
        self._write()
        if rank() == 0:
            mask_files([*self.folder.glob(".hydra/*.yaml"), *self.folder.parent.glob("multirun.yaml")])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.error = error
        self.row["ended"] = time.time()
        self.row["seconds"] = round(self.row["ended"] - self.started, 1)
        finished = "planned" if self.cfg.dry_run else "done"
        self.row["status"] = finished if error is None else "failed"
        if isinstance(error, Unavailable):
            self.row["status"] = "unavailable"
        said = sentence(error) if isinstance(error, Exception) else None
        if error is not None:
            unforeseen = "interrupted" if isinstance(error, KeyboardInterrupt) else f"{type(error).__name__}: {error}"
            self.row["error"] = masked(printable((said or unforeseen).partition("\n")[0]))
        self._write()
        if error is not None:
            self._publish_failure(error)
        if rank() == 0 and not self.cfg.dry_run and not self.read_only:
            write_index(Path(self.cfg.output_dir))
        if not said and isinstance(error, Exception) and self.in_sweep:
            traceback.print_exception(error)
        return said is not None or (isinstance(error, Exception) and self.in_sweep)

    @property
    def failed(self) -> bool:
        return self.row["status"] in ("failed", "unavailable")

    @property
    def in_sweep(self) -> bool:
        return bool(HydraConfig.get().mode == RunMode.MULTIRUN)

    @property
    def read_only(self) -> bool:
        """Return whether output_dir can be read but not written. The job's folder is a temporary one then."""
        return is_read_only(Path(self.cfg.output_dir))

    def _write(self) -> None:
        if rank() == 0:  # it writes for all
            write_row(self.folder / "job.json", self.row)

    def work(self) -> Path | None:
        """Run the requested stages, then report and publish. Return the requested directory, or None for a dry run and
        on ranks above 0."""
        from ain.pipeline.evaluation_data import refuse_evaluation_data
        from ain.pipeline.graph import Graph
        from ain.pipeline.job_settings import check_settings
        from ain.pipeline.runner import Runner
        from ain.pipeline.toys import refuse_toys
        from ain.pipeline.tracked import finished, made

        check_settings(self.cfg)
        refuse_evaluation_data(self.cfg)
        self._graph = graph = Graph(self.cfg)
        if not self.cfg.allow_toys:
            refuse_toys(graph)
        if world_size() > 1 and not all(node.stage.ranks for node in graph.targets):
            raise UserError(
                f"{self.cfg.stage} runs in one process, and {world_size()} ranks were started; only train takes more"
            )
        if self.cfg.dry_run:
            self._plan(graph)
            return None
        if self.read_only:
            return found_done(graph, str(self.cfg.stage), fingerprint(self.cfg))
        self._note_references(graph)
        run = self._tracked()
        run.tracker.check()
        self._runner = runner = Runner(graph, lambda node: run.follow(made(node.stage.name, node)))
        runner.check()
        runner.refuse_unknown_ids()
        if self.cfg.stage in REPORTED:  # the others write no pages of records
            runner.refuse_unknown_records([str(name) for name in self.cfg.records])
        out = runner.bring_up_targets()
        if runner.failed:  # what it made without them stands in another directory
            self._note_references(graph)
        if rank() > 0:
            return None
        self._note(graph, runner)
        page = self._report(graph) if self.cfg.stage in REPORTED else None
        run.publish(
            finished(graph, runner.made), {"report": page} if page else {}, summary={"status": "done", "error": ""}
        )
        if lost := runner.lost():
            log.info(f"report: {page or out}")
            raise UserError(lost)
        return page or out

    def _tracked(self) -> "Run":
        from ain.pipeline.tracked import job_run

        if self._run is None:
            self._run = job_run(self.cfg, self.row, self.folder, self._graph)
        return self._run

    def _publish_failure(self, error: BaseException) -> None:
        """Show W&B a job that failed, as far as it came. An interrupted one only ends its run."""
        from ain.pipeline.tracked import finished

        if rank() > 0 or self.cfg.dry_run or self.read_only or isinstance(error, Unpublished):
            return
        if not isinstance(error, Exception):
            if self._run:
                self._run.close(exit_code=1)
            return
        summary = {"status": self.row["status"], "error": self.row["error"]}
        try:
            stages = finished(self._graph, self._runner.made if self._runner else []) if self._graph else []
            self._tracked().publish(stages, summary=summary, exit_code=1)
        except UserError as also:  # the tracker's own settings, or W&B
            log.warning(f"warning: {also}")

    def _note_references(self, graph: "Graph") -> None:
        """Record, before the work, what this job refers to. Wait for an `ain clean` that is removing directories."""
        if rank() == 0:
            with lock(graph.output_dir / RUNS, doing=NOTING):
                self.row |= references(graph)
                self._write()

    def _plan(self, graph: "Graph") -> None:
        from ain.pipeline.plan import plan

        for line in plan(graph):
            log.info(line)

    def _note(self, graph: "Graph", runner: "Runner") -> None:
        """Record what was made, and the numbers that distinguish this job."""
        settings = differing(_choices(), self.row["experiment"], self.row["overrides"])
        self.row |= {"made": runner.made, "settings": settings, "headline": {}}
        several = len({name for node in graph.targets if (name := benchmark(node))}) > 1
        for node in filter(lambda node: node.done, graph.targets):
            if len(graph.targets) == 1 or node.stage.hook("headline"):
                before = f"{benchmark(node)} " if several and benchmark(node) else ""
                self.row["headline"] |= {f"{before}{name}": value for name, value in headline(node).items()}
        if len(graph.targets) > 1:
            self.row["headline"] |= beside(graph)
            if not self.in_sweep:  # which prints a table
                log.info(numbers.line(self.row["headline"]))

    def _report(self, graph: "Graph") -> Path:
        from ain.report.job import clear, report

        page = f"{REPORT}/jobs/{self.folder.name}"
        where, named = graph.output_dir / page, graph.named()
        records = [str(name) for name in self.cfg.records]
        examples: dict[str, Any] = {}
        with lock(where):  # the same job may run alone and in sweeps
            clear(where)
            for node in graph.nodes:
                if node.done and (pages := node.stage.hook("pages")):
                    examples |= pages(**wanted(pages, node, plain_build, where=where, records=records))
            made = [section(name, node) for name, node in named.items() if node.done]
            report(self.row, made, examples, where, records)
        self.row["page"] = f"{page}/index.html"
        return where


def headline(node: "Node") -> dict[str, Any]:
    """Return the stage's own headline, or those of its counts that HEADLINE lists."""
    counts = read_manifest(node.directory)["counts"]
    if own := node.stage.hook("headline"):
        return own(counts)  # type: ignore[no-any-return]
    return {name: counts[name] for name in HEADLINE if counts.get(name) is not None}


def benchmark(node: "Node") -> str | None:
    """Return the benchmark that a finished stage is about, or None."""
    return read_manifest(node.directory)["counts"].get("benchmark") if node.done else None


def beside(graph: "Graph") -> dict[str, int]:
    """Return the counts that an accuracy is to be read by, such as the conversations that the model was trained on."""
    made: Counter[str] = Counter()
    for node in graph.nodes:
        if node.done and (counted := node.stage.hook("beside")):
            made.update(counted(read_manifest(node.directory)["counts"]))
    return dict(made)


def section(name: str, node: "Node") -> "Section":
    """Return a stage's section of the report."""
    from ain.report.section import Section

    said = node.stage.hook("said")
    words = said(read_manifest(node.directory)["counts"]) if said else ""
    shown = node.stage.hook("SHOWN") or {}
    title = node.stage.hook("TITLE") if words or shown else None
    return Section(name, node.directory, title or "", words, shown)
