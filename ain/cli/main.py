"""The command line: `ain STAGE [overrides]`, `ain run [NAME]`, each with `-m` for a sweep.

A verb is short for `stage=VERB`, a bare word after it for `experiment=WORD`. Standard output carries results only; its
last line is the requested directory.
"""

import errno
import hashlib
import os
import sys
import tempfile
from pathlib import Path

import hydra
import yaml
from hydra._internal.hydra import Hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ain import UserError
from ain.cli.arguments import arguments
from ain.pipeline.errors import sentence
from ain.pipeline.fingerprint import digests_taken_once
from ain.pipeline.job_file import remember_command
from ain.pipeline.keys import refuse_unknown_keys
from ain.pipeline.read_only import is_read_only
from ain.runtime.console import log, results
from ain.runtime.distributed import rank, world_size
from ain.runtime.paths import CONF

# Hydra and OmegaConf parse conf/ with PyYAML's loader in Python, which takes longer than all that a finished job does.
yaml.SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # type: ignore[misc]


def _identity(*, _root_: DictConfig) -> str:
    """Return the fingerprint that names a job's folder: the same config gives the same folder."""
    from ain.pipeline.job import fingerprint

    return fingerprint(_root_)


OmegaConf.register_new_resolver("job", _identity, replace=True)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def run(cfg: DictConfig) -> None:
    """Run one job that Hydra has composed."""
    from ain.pipeline.job import Job

    out = results()
    with Job(cfg, Path(HydraConfig.get().runtime.output_dir)) as job:
        refuse_unknown_keys(cfg)
        if (made := job.work()) is not None:
            print(made, file=out, flush=True)
    if isinstance(job.error, Exception) and (said := sentence(job.error)):
        log.info(said)
    if job.failed and not job.in_sweep:
        sys.exit(1)


def main() -> None:
    os.environ["HYDRA_FULL_ERROR"] = "1"  # let exceptions through: we report them in one sentence
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # no bar for each load; downloads have ours
    words = sys.argv[1:]
    remember_command(words)
    try:
        with tempfile.TemporaryDirectory(prefix="ain-dry-run-") as nowhere:
            sys.argv[1:] = prepared(words, nowhere)
            _compose_once(sys.argv[1:])
            with digests_taken_once():
                run()
    except KeyboardInterrupt:
        sys.exit("ain: interrupted; run the same command to resume")
    except Exception as error:
        said = sentence(error)
        if said is None:
            raise
        sys.exit(f"ain: {said}")


def _compose_once(words: list[str]) -> None:
    """Spare Hydra its first of two compositions, half a second: it asks for hydra.mode, which only experiments set."""
    if not any("experiment" in word or "hydra.mode" in word for word in words):
        Hydra.get_mode = lambda *arguments, **named: None  # type: ignore[method-assign]


def prepared(words: list[str], nowhere: str) -> list[str]:
    """Return the arguments for Hydra, after the checks that come before it. nowhere: for runs that keep no files."""
    if not words[0].startswith("-") and "=" not in words[0]:
        words = arguments(words)
    # Each job of a sweep composes its own config, maybe on another machine; the environment carries what they share.
    asked = [
        word for word in words if not word.startswith("report.")
    ]  # what is compared with what makes no other sweep
    os.environ["AIN_SWEEP"] = hashlib.sha256("\0".join(asked).encode()).hexdigest()[:12]
    if world_size() > 1 and {"-m", "--multirun"} & set(words):
        raise UserError(
            "a sweep starts its own ranks; run it without srun or torchrun, or with hydra/launcher=submitit_slurm"
        )
    if "dry_run=true" in words or rank() > 0:
        return [f"hydra.run.dir={nowhere}", f"hydra.sweep.dir={nowhere}", *words]
    plain = not any(word.startswith("-") and word not in ("-m", "--multirun") for word in words)
    if plain and _is_read_only(words):  # what is finished there can be found all the same
        if {"-m", "--multirun"} & set(words):
            raise UserError(
                f"output_dir={_place(words)}: cannot be written, and a sweep writes pages; give another one"
            )
        return [f"hydra.run.dir={nowhere}", *words]
    return words


def _place(words: list[str]) -> str:
    return next((word.partition("=")[2] for word in reversed(words) if word.startswith("output_dir=")), "outputs")


def _is_read_only(words: list[str]) -> bool:
    """Return whether output_dir is there and cannot be written. Raise UserError if it cannot be made."""
    place = _place(words)
    try:
        Path(place).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno != errno.ENOSPC:  # a full disk has its own message
            raise UserError(f"output_dir={place}: cannot be written ({error.strerror})") from None
        raise
    return is_read_only(Path(place))
