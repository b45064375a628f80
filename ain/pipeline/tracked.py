"""Describe jobs and sweeps to W&B: their names, their choices, and what their stages made."""

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ain.pipeline.build import component
from ain.pipeline.manifests import metrics
from ain.pipeline.masking import masked_values
from ain.runtime.provenance import commit
from ain.storage.manifest import read_manifest
from ain.tracking.content import Made
from ain.tracking.run import Description, Run

if TYPE_CHECKING:
    from ain.pipeline.graph import Graph, Node

LONGEST = 128  # characters of a name in W&B


def job_run(cfg: DictConfig, row: dict[str, Any], folder: Path, graph: "Graph | None") -> Run:
    """Return the W&B run of a job. Its id is the job's fingerprint; in a sweep also the sweep's, because a job may be
    part of several sweeps and a run has one group."""
    hydra = HydraConfig.get()
    sweep = _sweep() if hydra.mode == RunMode.MULTIRUN else None
    choices = dict(hydra.runtime.choices)
    described = Description(
        id=f"{row['job']}-{sweep.removeprefix('sweep-')}" if sweep else row["job"],
        name=_name(" ".join(row["overrides"]) or row["experiment"] or str(cfg.stage)),
        group=row["experiment"] or sweep,
        job_type=str(cfg.stage),
        tags=_tags(cfg, row["experiment"], graph),
        config={
            **{f"choice.{name}": option for name, option in choices.items() if option and not name.startswith("hydra")},
            **_overridden(cfg, row["overrides"]),
            **{f"stage.{name}": node.directory.name for name, node in (_named(graph) if graph else {}).items()},
            "job": row["job"],
            **({"sweep": sweep} if sweep else {}),
            **_common(cfg),
        },
        folder=folder,
    )
    return Run(component(cfg, "tracker"), described)


def sweep_run(cfg: DictConfig) -> Run:
    """Return the W&B run of what the jobs of a sweep make together."""
    sweep, experiment = _sweep(), cfg.hydra.runtime.choices.get("experiment")
    described = Description(
        id=sweep,
        name=_name(f"{experiment or cfg.stage}: all jobs"),
        group=experiment or sweep,
        job_type="sweep",
        tags=_tags(cfg, experiment, None),
        config={"sweep": sweep, **_common(cfg)},
        folder=Path(cfg.hydra.sweep.dir),
    )
    return Run(component(cfg, "tracker"), described)


def made(name: str, node: "Node", used: bool = False) -> Made:
    """Describe a stage, finished or not. name: as in `Graph.named`; used: whether the job found it finished."""
    hook, done = node.stage.hook, node.done
    return Made(
        _key(name),
        node.directory,
        _scalars(_key(name), node) if done else {},
        hook("CURVES") or {},
        hook("REPEATED") or (),
        used,
    )


def finished(graph: "Graph", new: Iterable[str]) -> list[Made]:
    """Describe the stages of a job that are finished. new: names of those that the job made itself."""
    return [
        made(name, node, used=node not in graph.targets and node.stage.name not in new)
        for name, node in graph.named().items()
        if node.done
    ]


def _scalars(name: str, node: "Node") -> dict[str, float]:
    """Return the numbers of a stage. With a hook of its own, a stage tells apart what its directories are about."""
    counts = read_manifest(node.directory)["counts"]
    if hook := node.stage.hook("scalars"):
        name, counts = node.stage.name, hook(counts, node.directory)
    return {key.replace(" ", "_"): value for key, value in metrics(counts, f"{name}/").items()}


def _named(graph: "Graph") -> dict[str, "Node"]:
    return {_key(name): node for name, node in graph.named().items()}


def _key(name: str) -> str:
    """Return `collect (2)` as `collect_2`, `grade (tuned, pope)` as `grade_tuned_pope`."""
    return re.sub(r"[ (),]+", "_", name).strip("_")


def _sweep() -> str:
    return f"sweep-{os.environ.get('AIN_SWEEP', 'unnamed')}"


def _name(words: str) -> str:
    return str(masked_values(words))[:LONGEST]


def _tags(cfg: DictConfig, experiment: str | None, graph: "Graph | None") -> list[str]:
    from ain.pipeline.toys import uses_toys

    table = cfg.paper.table if cfg.paper else None
    toys = "miniature" if graph and uses_toys(graph) else None
    return list(dict.fromkeys(tag for tag in (experiment, table, toys) if tag))


def _overridden(cfg: DictConfig, overrides: list[str]) -> dict[str, Any]:
    """Return each scalar that the command or the sweep set, by its key. Options of groups are choices already."""
    keys = [word.lstrip("+~").partition("=")[0] for word in overrides]
    values = {key: OmegaConf.select(cfg, key) for key in keys if "@" not in key}
    return {key: masked_values(value) for key, value in values.items() if isinstance(value, bool | int | float | str)}


def _common(cfg: DictConfig) -> dict[str, Any]:
    whole = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
    config = masked_values(OmegaConf.to_container(whole, resolve=True))
    here = {"git_commit": found} if (found := commit()) else {}
    return {"seed": cfg.seed, **here, "config": config}
