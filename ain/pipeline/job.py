"""A job: one composed config, one folder named by its fingerprint, one `job.json`, one publication."""

import json
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ain import Unavailable, UserError
from ain.pipeline.errors import sentence
from ain.runtime.console import log
from ain.runtime.distributed import rank, world_size
from ain.storage.digests import digest
from ain.storage.files import replace_text

_NOT_CONTENT = (
    "hydra",
    "output_dir",
    "dry_run",
    "tracker",
    "engine",
    "experiment",
    "paper",
    "stand_in",
    "reproduce",
    "records",
)
SHOWN = (
    "rate",
    "probe",
    "screen",
    "back_translate",
)  # stages whose tables and figures are worth publishing by themselves
HEADLINE = ("input", "kept", "rejected", "steps", "loss", "validation_loss")  # of a stage that is asked for by itself
_NOT_A_CHOICE = ("stage", *_NOT_CONTENT)  # overrides that do not tell one job from another


def fingerprint(cfg: DictConfig) -> str:
    plain = OmegaConf.to_container(
        OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key not in _NOT_CONTENT]), resolve=False
    )
    return digest(_without_how(plain))


def _without_how(plain: Any) -> Any:
    """All groups without their `how`; classes are not imported for it, so defaults stay in."""
    return (
        {key: _without_how(value) for key, value in plain.items() if key != "how"} if isinstance(plain, dict) else plain
    )


def _key(override: str) -> str:
    return override.lstrip("+~").split("=")[0].split(".")[0]


class Job:
    """Entered, it writes its job.json however the work ends, and says why it failed; in a sweep the others go on."""

    def __init__(self, cfg: DictConfig, folder: Path) -> None:
        self.cfg = cfg
        self.folder = folder
        self.row: dict[str, Any] = {
            "job": folder.name,
            "stage": cfg.stage,
            "experiment": HydraConfig.get().runtime.choices.get("experiment"),
            "overrides": [word for word in HydraConfig.get().overrides.task if _key(word) not in _NOT_A_CHOICE],
            "status": "running",
        }

    def __enter__(self) -> "Job":
        self.row["started"] = self.started = time.time()
        self._write()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.row["seconds"] = round(time.time() - self.started, 1)
        finished = "planned" if self.cfg.dry_run else "done"
        self.row["status"] = finished if error is None else "failed"
        if isinstance(error, Unavailable):
            self.row["status"] = "unavailable"
        said = sentence(error) if isinstance(error, Exception) else None
        if error is not None:
            self.row["error"] = said or f"{type(error).__name__}: {error}"
        self._write()
        if said:
            log.info(f"{said}")
        elif isinstance(error, Exception) and self.in_sweep:
            traceback.print_exception(error)
        return said is not None or (isinstance(error, Exception) and self.in_sweep)

    @property
    def failed(self) -> bool:
        return self.row["status"] in ("failed", "unavailable")

    @property
    def in_sweep(self) -> bool:
        return bool(HydraConfig.get().mode == RunMode.MULTIRUN)

    def _write(self) -> None:
        if rank() > 0:  # the first one writes for all
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_text(self.folder / "job.json", json.dumps(self.row, indent=2, ensure_ascii=False))

    def work(self) -> Path | None:
        """Bring up what was asked for, then report and publish. Returns the directory that was asked for; None for a plan."""
        from ain.pipeline.runner import Run, targets
        from ain.tracking.publish import publish, refuse_anonymous

        if world_size() > 1 and self.cfg.stage != "train":
            raise UserError(
                f"{world_size()} ranks were started, and {self.cfg.stage} is for one process; only train takes more"
            )
        run = Run(Path(self.cfg.output_dir), say=_say if rank() == 0 else lambda text: None)
        out = run.output_dir
        if self.cfg.dry_run:
            self._plan(run)
            return None
        refuse_anonymous(self.cfg)
        self._records()
        plan = run.plan(targets(self.cfg), self.cfg)  # what is wrong far down is said before hours of work
        if rank() == 0:
            self._warn(plan)
        for stage in targets(self.cfg):
            out = run.bring_up(stage, self.cfg)
        if rank() > 0:
            return None
        run.directories = dict(sorted(run.directories.items(), key=lambda item: item[1].name))
        self.row |= {"directories": {name: str(path) for name, path in run.directories.items()}, "made": run.made}
        if self.cfg.stage in ("run", "report"):
            out = self._report(run)
        elif self.cfg.stage in SHOWN:
            self.row["headline"] = _numbers(out)
            publish(self.row, run.directories, out, self.cfg, self.folder)
        else:
            counts = _numbers(out)
            self.row["headline"] = {name: counts[name] for name in HEADLINE if name in counts}
        return out

    def _warn(self, plan: dict[str, Path]) -> None:
        """The miniature's models answer other people's data too, with nonsense."""
        choices = HydraConfig.get().runtime.choices
        stages = {"translator": "translate", "verifier": "verify", "screener": "screen", "model": "train"}
        strangers = [f"{group}={choices[group]}" for group, stage in stages.items() if stage in plan]
        strangers = [choice for choice in strangers if "=miniature" in choice]
        if choices["source"] != "miniature" and strangers:
            said = f"warning: {', '.join(strangers)} know the drawn world only, not your data"
            log.warning(f"{said}; see Real models in the README")

    def _plan(self, run: Any) -> None:
        """What a real run would make and what it would find done; touches nothing."""
        from ain.pipeline.runner import targets
        from ain.storage.manifest import is_done

        plan = run.plan(targets(self.cfg), self.cfg)
        for name, directory in sorted(plan.items(), key=lambda item: item[1].name):
            log.info(f"{name:>13}  {'done   ' if is_done(directory) else 'to make'}  {directory}")
        for line in self._estimates(plan):
            log.info(f"{line}")

    def _estimates(self, plan: dict[str, Path]) -> Iterator[str]:
        """What asking models would take; one of one's own takes no money, and is not fetched to say so."""
        from ain.pipeline.build import build, over_checkpoints, plain
        from ain.pipeline.checkpoint import here
        from ain.stages import screen, translate
        from ain.storage.manifest import is_done

        collected = is_done(plan["collect"]) if "collect" in plan else False
        output_dir = Path(self.cfg.output_dir)
        parts = {group: build(group, plain(self.cfg, group)) for group in ("source", "translator", "screener")}
        if "translate" in plan and not is_done(plan["translate"]):
            where = plan["collect"] if collected else None
            yield from translate.estimate(where, parts["source"], parts["translator"], output_dir)
        if "screen" in plan and not is_done(plan["screen"]) and collected:
            yield from screen.estimate(plan["collect"], parts["screener"], output_dir)
        if "train" in plan and not is_done(plan["train"]):
            from ain.stages import train

            located = over_checkpoints("model", plain(self.cfg, "model"), lambda name: here(name, output_dir))
            tokenized = plan["tokenize"] if is_done(plan["tokenize"]) else None
            yield from train.estimate(tokenized, build("model", located), build("trainer", plain(self.cfg, "trainer")))

    def _records(self) -> list[str]:
        if not OmegaConf.is_list(self.cfg.records):
            raise UserError(f"records={self.cfg.records}: expected a list of ids, records=[ID,ID]")
        return [str(identifier) for identifier in self.cfg.records]

    def _report(self, run: Any) -> Path:
        from ain.report.job import report
        from ain.tracking.publish import publish

        where = run.output_dir / "report"
        if self.in_sweep:
            where /= self.folder.name
        self.row["headline"] = report(self.row, run.directories, where, self._records())
        publish(self.row, run.directories, where, self.cfg, self.folder)
        return where


def _say(text: str) -> None:
    log.info(f"{text}")


def _numbers(directory: Path) -> dict[str, Any]:
    """A stage's counts, those that are numbers."""
    from ain.storage.manifest import read_manifest

    return {name: value for name, value in read_manifest(directory)["counts"].items() if isinstance(value, int | float)}
