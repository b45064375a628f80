"""Build what job.json and sweep.json say from the start of the work: what was typed, where it runs, what it refers to."""

import json
import os
import re
from itertools import product
from pathlib import Path
from typing import Any

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode
from omegaconf import DictConfig

from ain.pipeline import choices
from ain.pipeline.fingerprint import content
from ain.pipeline.graph import Graph
from ain.pipeline.jobs import DATA, DIRECTORY, read_row
from ain.pipeline.locate import MINIATURE
from ain.pipeline.masking import masked
from ain.runtime.console import log
from ain.runtime.processes import this_process
from ain.runtime.provenance import commit

_COMMAND = "AIN_COMMAND"  # the environment carries it to the jobs of a sweep, which compose configs of their own


def remember_command(words: list[str]) -> None:
    """Keep the words behind `ain` for the jobs of this command, without secrets."""
    os.environ[_COMMAND] = json.dumps([masked(word) for word in words], ensure_ascii=False)


def job_row(cfg: DictConfig, folder: Path, overrides: list[str]) -> dict[str, Any]:
    """Return the row of a job that starts. overrides: those that distinguish jobs.

    It keeps what an earlier attempt referred to until it knows better, so that nothing of that is removed meanwhile.
    """
    hydra, typed = HydraConfig.get(), _typed()
    experiment = hydra.runtime.choices.get("experiment")
    overrides = [masked(word) for word in overrides]
    sweep = None
    if hydra.mode == RunMode.MULTIRUN:
        sweep = {"hash": folder.parent.name.removeprefix("sweep-"), "command": typed}
        typed = [cfg.stage, *([experiment] if experiment else []), *overrides]
    earlier = read_row(folder / "job.json") or {}
    if not earlier and (folder / "job.json").exists():
        log.warning(f"warning: {folder / 'job.json'}: damaged; it is written anew")
    return {
        "job": folder.name,
        "command": typed,
        "verb": _verb(typed, cfg),
        "stage": cfg.stage,
        "experiment": experiment,
        "choices": _choices(hydra.runtime.choices),
        "overrides": overrides,
        "sweep": sweep,
        "status": "running",
        "commit": commit(),
        **this_process(),
        "directories": earlier.get("directories", {}),
        "needs": earlier.get("needs", []),
        "headline": {},
        "page": earlier.get("page"),
    }


def sweep_row(config: DictConfig, folder: Path, overrides: list[str]) -> dict[str, Any]:
    """Return the row of a sweep that starts. jobs: how many it is to have, None if its sweeper alone knows."""
    typed = _typed()
    return {
        "sweep": folder.name.removeprefix("sweep-"),
        "command": typed,
        "verb": _verb(typed, config),
        "stage": config.stage,
        "experiment": config.hydra.runtime.choices.get("experiment"),
        "overrides": [masked(word) for word in overrides],
        "jobs": None if (jobs := planned(config)) is None else len(jobs),
        "commit": commit(),
        **this_process(),
        "pages": (read_row(folder / "sweep.json") or {}).get("pages", []),
    }


def references(graph: Graph) -> dict[str, Any]:
    """Return what a job refers to. directories: those of all its stages, done or not. needs: what else its settings name
    below output_dir, such as `checkpoints/miniature-...` or another job's training."""
    found: dict[str, None] = {}

    for node in graph.nodes:
        tiny = [name for _, name in node.checkpoints() if name.startswith(MINIATURE)]
        found |= dict.fromkeys(f"checkpoints/{_identity(name)}" for name in tiny)
        for values in (node.settings | node.uses).values():
            named = re.findall(DIRECTORY, json.dumps(content(values, how=True), default=str))
            found |= dict.fromkeys(f"{DATA}/{name}" for name in named)
    return {
        "directories": {name: str(node.directory) for name, node in graph.named().items()},
        "needs": list(found),
    }


def _identity(tiny: str) -> str:
    from ain.miniature.recipe import Recipe

    return Recipe.parse(tiny).identity()


def _typed() -> list[str]:
    return json.loads(os.environ.get(_COMMAND, "[]"))  # type: ignore[no-any-return]


def _verb(typed: list[str], cfg: DictConfig) -> str:
    named = typed and "=" not in typed[0] and not typed[0].startswith("-")
    return typed[0] if named else str(cfg.stage)


def _choices(chosen: Any) -> dict[str, str]:
    """Return the choices that differ from those of a job that names none."""
    defaults = choices.default_job()
    known = {str(group): option for group, option in chosen.items() if group in choices.groups()}
    return {group: str(option) for group, option in known.items() if option != defaults.get(group)}


def planned(config: DictConfig) -> list[list[str]] | None:
    """Return the overrides of each job that a sweep is to have; None if its sweeper alone knows."""
    sweeper = config.hydra.sweeper
    if not sweeper._target_.endswith(".BasicSweeper"):
        return None
    words = [*(f"{key}={value}" for key, value in (sweeper.params or {}).items()), *config.hydra.overrides.task]
    parsed = OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(words)
    last = {override.get_key_element(): override for override in parsed}
    values = {
        key: list(one.sweep_string_iterator()) if one.is_sweep_override() else [one.get_value_element_as_str()]
        for key, one in last.items()
    }
    return [list(words) for words in product(*([f"{key}={value}" for value in of] for key, of in values.items()))]
