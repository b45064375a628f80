"""The pipeline as one table, and how a stage is brought up: what is done is skipped, what is missing upstream is run."""

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ain import UserError, __version__
from ain.pipeline.build import build, over_checkpoints, plain
from ain.pipeline.checkpoint import identity, locate
from ain.pipeline.fingerprint import essence
from ain.pipeline.stages import STAGES, TARGETS, Stage
from ain.runtime import distributed
from ain.runtime.distributed import rank, world_size
from ain.storage.digests import digest
from ain.storage.locks import lock
from ain.storage.manifest import is_done, mark_done


def upstream(stage: Stage, cfg: DictConfig) -> dict[str, Any]:
    """Argument name → (stage, config) of what a stage follows; for `mix`, one such mapping per source.

    Where no part of the mixture asks for translations, none are made and `select` judges what was collected.
    """
    after = {name: (STAGES[name], cfg) for name in stage.after}
    if stage.name == "select" and not _translates(cfg):
        return {**after, "translate": None, "verify": None, "back_translate": None}
    if stage.name == "select" and not cfg.back_translation.translator:
        return {**after, "back_translate": None}
    if stage.name == "mix":
        return {"parts": {name: _one_source(name, cfg) for name in cfg.mixture.parts}}
    return after


def _translates(cfg: DictConfig) -> bool:
    return any(part.translate for part in cfg.mixture.parts.values())


def _one_source(name: str, cfg: DictConfig) -> dict[str, Any]:
    """What a part of the mixture is drawn from: its own source, or the job's."""
    parts = cfg.mixture.parts
    source = parts[name].get("source")
    siblings = {other: part for other, part in parts.items() if part.get("source") == source}
    own = cfg
    if len(siblings) < len(parts) or source is not None:
        own = cfg.copy()
        OmegaConf.set_struct(own, False)
        own.mixture = {"parts": siblings}
        own.source = cfg.source if source is None else source
    translate = (STAGES["translate"], own) if _translates(own) else None
    return {"collect": (STAGES["collect"], own), "translate": translate, "select": (STAGES["select"], own)}


@dataclass
class Run:
    """One command's way through the pipeline: `directories` of all it needed, in order, and which of these it `made` itself."""

    output_dir: Path
    directories: dict[str, Path] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    say: Callable[[str], None] = lambda text: None
    # By stage and config: a stage is asked for by all that follow it. Configs stay alive in `_upstream`, and so do their ids.
    _upstream: dict[tuple[str, int], tuple[DictConfig, dict[str, Any]]] = field(default_factory=dict)
    _fingerprints: dict[tuple[str, int], str] = field(default_factory=dict)

    def upstream(self, stage: Stage, cfg: DictConfig) -> dict[str, Any]:
        key = stage.name, id(cfg)
        if key not in self._upstream:
            self._upstream[key] = cfg, upstream(stage, cfg)
        return self._upstream[key][1]

    def fingerprint(self, stage: Stage, cfg: DictConfig) -> str:
        key = stage.name, id(cfg)
        if key not in self._fingerprints:
            follows = self._walk(self.upstream(stage, cfg), self.fingerprint)
            shape = {group: self._shape(cfg, group) for group in stage.reads}
            self._fingerprints[key] = digest([stage.name, stage.version, shape, follows])
        return self._fingerprints[key]

    def _shape(self, cfg: DictConfig, group: str) -> Any:
        node = plain(cfg, group)
        shape = over_checkpoints(group, essence(node), identity)
        part = build(group, node)
        return [shape, part.digest()] if hasattr(part, "digest") else shape

    def directory(self, stage: Stage, cfg: DictConfig) -> Path:
        number = list(STAGES).index(stage.name) + 1
        return self.output_dir / "data" / f"{number:02d}-{stage.name}-{self.fingerprint(stage, cfg)}"

    def bring_up(self, stage: Stage, cfg: DictConfig) -> Path:
        """The stage's directory, finished. Upstream comes first; whoever is making a directory is waited for."""
        inputs = self._walk(self.upstream(stage, cfg), self.bring_up)
        out = self.directory(stage, cfg)
        _note(self.directories, stage, out)
        if not is_done(out):
            if world_size() > 1:
                self._with_others(stage, cfg, inputs, out)
                return out
            with lock(out):
                if not is_done(out):
                    self._make(stage, cfg, inputs, out)
        return out

    def _with_others(self, stage: Stage, cfg: DictConfig, inputs: dict[str, Any], out: Path) -> None:
        """As one of several ranks: training is for all of them, and the first one keeps the directory."""
        if stage.name != "train":
            raise UserError(
                f"{stage.name} is not done, and {world_size()} ranks are no way to do it; "
                f"run this first, by itself: ain tokenize ..., with the same settings"
            )
        if rank() > 0:
            self._body(stage, cfg, inputs, out)
            return
        with lock(out, wait=False):
            self._make(stage, cfg, inputs, out)

    def _refuse(self, stage: Stage, cfg: DictConfig) -> None:
        """What would only be noticed far down."""
        if stage.name == "select":
            from ain.metrics.rules import check

            check(plain(cfg, "thresholds"))
        if stage.name == "train":
            self._refuse_training(stage, cfg)
        if stage.name == "back_translate" and not cfg.back_translation.translator:
            raise UserError(
                "back_translation=none: nobody is to translate back; choose another, as back_translation=miniature"
            )

    def _refuse_training(self, stage: Stage, cfg: DictConfig) -> None:
        """Slips of the hand, and what is not here: packages, GPUs, other nodes' ranks."""
        from ain.trainer.settings import resolved

        model = build("model", plain(cfg, "model"))
        settings = build("trainer", plain(cfg, "trainer"))
        if not cfg.dry_run and not is_done(self.directory(stage, cfg)):
            distributed.check(settings.devices, settings.num_nodes)
            here = resolved(settings)
            model.check(here.accelerator == "gpu", here.bf16, here.shared_rows)

    def plan(self, stages: list[Stage], cfg: DictConfig) -> dict[str, Path]:
        """What `bring_up` of these stages would leave in `directories`."""
        seen: dict[str, Path] = {}

        def visit(stage: Stage, cfg: DictConfig) -> None:
            self._refuse(stage, cfg)
            self._walk(self.upstream(stage, cfg), visit)
            _note(seen, stage, self.directory(stage, cfg))

        for stage in stages:
            visit(stage, cfg)
        return seen

    def _make(self, stage: Stage, cfg: DictConfig, inputs: dict[str, Any], out: Path) -> None:
        self.say(stage.name)
        started = time.time()
        counts = self._body(stage, cfg, inputs, out)
        if "input" in counts and counts["kept"] + counts["rejected"] != counts["input"]:
            raise RuntimeError(f"{stage.name} lost records: {counts}")
        if counts.get("rejected"):
            why = out / "rejected"
            self.say(
                f"{stage.name}: {counts['kept']:,} of {counts['input']:,} kept, {counts['rejected']:,} rejected; why: {why}"
            )
        settings = {group: essence(plain(cfg, group)) for group in stage.reads}
        follows = self._walk(self.upstream(stage, cfg), lambda *of: self.directory(*of).name)
        mark_done(
            out,
            {
                "stage": stage.name,
                "version": stage.version,
                "ain": __version__,
                "counts": counts,
                "seconds": round(time.time() - started, 1),
            }
            | {"settings": settings, "follows": follows},
        )
        self.made.append(stage.name)

    def _body(self, stage: Stage, cfg: DictConfig, inputs: dict[str, Any], out: Path) -> dict[str, Any]:
        body = getattr(importlib.import_module(stage.module), stage.body or stage.name)
        return body(**inputs, **self.parts(stage, cfg), out=out)  # type: ignore[no-any-return]

    def parts(self, stage: Stage, cfg: DictConfig) -> dict[str, Any]:
        """The stage's arguments from its config groups: objects where a group names a class; checkpoints are there."""
        located = {
            group: over_checkpoints(group, plain(cfg, group), lambda name: locate(name, self.output_dir))
            for group in (*stage.reads, *stage.uses)
        }
        return {group.split(".")[-1]: build(group, node) for group, node in located.items()}

    def _walk(self, tree: Any, visit: Callable[[Stage, DictConfig], Any]) -> Any:
        if isinstance(tree, dict):
            return {name: self._walk(branch, visit) for name, branch in tree.items()}
        return tree if tree is None else visit(*tree)


def _note(directories: dict[str, Path], stage: Stage, directory: Path) -> None:
    """By the stage's name; where a part of the mixture has a source of its own, the second one is `stage (2)`."""
    if directory not in directories.values():
        count = sum(name.split(" ")[0] == stage.name for name in directories)
        directories[stage.name + (f" ({count + 1})" if count else "")] = directory


def targets(cfg: DictConfig) -> list[Stage]:
    """The stages that a job is asked for. Where nothing is translated there is no verifier to try."""
    names = TARGETS.get(cfg.stage, (cfg.stage,))
    return [STAGES[name] for name in names if name != "probe" or cfg.stage == "probe" or _translates(cfg)]
