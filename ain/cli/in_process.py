"""Run one job in this process, for Python: `ain.run("select", ["experiment=ain/starter", "source.path=DIR"])`."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from ain import UserError
from ain.cli.arguments import arguments
from ain.cli.main import prepared
from ain.pipeline.errors import sentence
from ain.pipeline.job import Job
from ain.pipeline.job_file import remember_command
from ain.pipeline.keys import refuse_unknown_keys
from ain.runtime.paths import CONF
from ain.storage.manifest import read_manifest
from ain.storage.tables import Table, read_table


@dataclass(frozen=True)
class Run:
    """What a job left on disk, by stage. A part of the mixture with a source of its own has stages such as `collect (2)`.

    directory: what the command would print; None for a dry run. counts: as in each manifest. tables: name → rows, as
    dicts, of each stage. made: the stages that were not finished before.
    """

    directory: Path | None
    directories: dict[str, Path] = field(default_factory=dict)
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    tables: dict[str, dict[str, Table]] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)


def run(verb: str, words: Sequence[str]) -> Run:
    """Run the job, and return what it left. Raises UserError for everything that the user can fix."""
    if {"-m", "--multirun"} & {verb, *words} or verb == "reproduce":
        raise UserError("ain.run runs one job; call it once for each value, or start the sweep with the command `ain`")
    if flags := [word for word in words if word.startswith("-")]:
        raise UserError(f"ain.run takes no flags such as {flags[0]}; give key=value")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    remember_command([verb, *words])
    try:
        with tempfile.TemporaryDirectory(prefix="ain-dry-run-") as nowhere, composed(verb, words, nowhere) as cfg:
            return _work(cfg)
    except UserError:
        raise
    except Exception as error:
        if said := sentence(error):
            raise UserError(said) from None
        raise


def _work(cfg: DictConfig) -> Run:
    with Job(cfg, Path(HydraConfig.get().runtime.output_dir)) as job:
        refuse_unknown_keys(cfg)
        directory = job.work()
    if job.error is not None:
        raise job.error
    directories = {name: Path(place) for name, place in job.row.get("directories", {}).items()}
    return Run(
        directory,
        directories,
        {name: read_manifest(place)["counts"] for name, place in directories.items()},
        {name: _tables(place) for name, place in directories.items()},
        job.row.get("made", []),
    )


def _tables(directory: Path) -> dict[str, Table]:
    return {path.stem: read_table(path) for path in sorted((directory / "tables").glob("*.csv"))}


@contextmanager
def composed(verb: str, words: Sequence[str], nowhere: str) -> Iterator[DictConfig]:
    """Provide the composed config. Hydra's global state is put back, so that a process can compose many times."""
    before = Singleton.get_state()
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), job_name="ain", version_base="1.3"):
            overrides = prepared(arguments([verb, *words]), nowhere)
            cfg = compose("config", overrides=overrides, return_hydra_config=True)
            if cfg.hydra.mode == RunMode.MULTIRUN:
                raise UserError("this experiment is a sweep; start it with the command `ain`")
            with open_dict(cfg.hydra):
                cfg.hydra.runtime.output_dir = str(Path(cfg.hydra.run.dir).absolute())
            HydraConfig.instance().set_config(cfg)
            with open_dict(cfg):
                del cfg["hydra"]
            OmegaConf.set_struct(cfg, True)
            yield cfg
    finally:
        Singleton.set_state(before)
