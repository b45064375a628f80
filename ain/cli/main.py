"""The command line: `ain STAGE [overrides]`, `ain run [NAME]`, each with `-m` for a sweep.

A verb is sugar for `stage=VERB`, a bare word after it for `experiment=WORD`. Standard output carries results only: its last
line is the directory that the command was asked for.
"""

import hashlib
import os
import sys
import tempfile
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ain import UserError
from ain.cli.arguments import arguments
from ain.pipeline.errors import sentence
from ain.pipeline.keys import refuse_unknown_keys
from ain.runtime.console import results
from ain.runtime.distributed import rank, world_size
from ain.runtime.paths import CONF


def _identity(*, _root_: DictConfig) -> str:
    """The fingerprint that names a job's folder: the same config, the same folder."""
    from ain.pipeline.job import fingerprint

    return fingerprint(_root_)


OmegaConf.register_new_resolver("job", _identity, replace=True)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def run(cfg: DictConfig) -> None:
    """One job, composed by Hydra."""
    from ain.pipeline.job import Job

    out = results()
    with Job(cfg, Path(HydraConfig.get().runtime.output_dir)) as job:
        refuse_unknown_keys(cfg)
        if (made := job.work()) is not None:
            print(made, file=out, flush=True)
    if job.failed and not job.in_sweep:
        sys.exit(1)


def main() -> None:
    os.environ["HYDRA_FULL_ERROR"] = "1"  # exceptions come to us, to be said in one sentence
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")  # no bar for each load; downloads bring their own
    words = sys.argv[1:] or ["--help"]
    try:
        if not words[0].startswith("-") and "=" not in words[0]:
            words = arguments(words)
        sys.argv[1:] = words
        # Jobs of a sweep compose for themselves, some on other machines: what they share comes by the environment.
        if world_size() > 1 and {"-m", "--multirun"} & set(words):
            raise UserError(
                "a sweep starts its own ranks; run it without srun or torchrun, or with hydra/launcher=submitit_slurm"
            )
        if "dry_run=true" in words or rank() > 0:  # Hydra keeps its files where they vanish
            nowhere = tempfile.TemporaryDirectory(prefix="ain-dry-run-")
            sys.argv[1:] = [f"hydra.run.dir={nowhere.name}", f"hydra.sweep.dir={nowhere.name}", *words]
        os.environ["AIN_SWEEP"] = hashlib.sha256("\0".join(words).encode()).hexdigest()[:12]
        run()
    except KeyboardInterrupt:
        sys.exit("ain: interrupted; the same command goes on from here")
    except Exception as error:
        said = sentence(error)
        if said is None:
            raise
        sys.exit(f"ain: {said}")
