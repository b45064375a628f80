"""The command line: `ain STAGE [overrides]`, `ain run [NAME]`, each with `-m` for a sweep.

A verb is sugar for `stage=VERB`, a bare word after it for `experiment=WORD`. Standard output carries results only: its last
line is the directory that the command was asked for.
"""

import difflib
import hashlib
import os
import sys
import tempfile
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ain import UserError
from ain.mistakes import refuse_unknown_keys, sentence
from ain.ranks import rank, world_size
from ain.reproduce import stand_ins
from ain.results import results

ROOT = Path(__file__).resolve().parents[1]
VERBS = (
    "collect",
    "translate",
    "verify",
    "back_translate",
    "screen",
    "select",
    "mix",
    "pack",
    "train",
    "evaluate_base",
    "evaluate",
    "probe",
    "rate",
    "report",
    "run",
    "reproduce",
)


def _identity(*, _root_: DictConfig) -> str:
    """The fingerprint that names a job's folder: the same config, the same folder."""
    from ain.job import fingerprint

    return fingerprint(_root_)


OmegaConf.register_new_resolver("job", _identity, replace=True)


@hydra.main(version_base="1.3", config_path=str(ROOT / "conf"), config_name="config")
def run(cfg: DictConfig) -> None:
    """One job, composed by Hydra."""
    from ain.job import Job

    out = results()
    with Job(cfg, Path(HydraConfig.get().runtime.output_dir)) as job:
        refuse_unknown_keys(cfg)
        if (made := job.work()) is not None:
            print(made, file=out, flush=True)
    if job.failed and not job.in_sweep:
        sys.exit(1)


def arguments(words: list[str]) -> list[str]:
    """`run NAME -m a=1,2` as Hydra wants it: stage and experiment, then all overrides, then all flags with their values."""
    verb, *rest = words
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        raise UserError(f"{verb}: no such command; choose one of {', '.join(VERBS)}{meant}")
    overrides, flags, names = [], [], []
    for i, word in enumerate(rest):
        if word.startswith("-") or (i and rest[i - 1] in _FLAGS_WITH_VALUE):
            flags.append(word)
        elif "=" in word or word.startswith("~"):
            overrides.append(word)
        else:
            names.append(word)
    if len(names) > 1:
        raise UserError(f"{' '.join(names)}: one experiment at a time; overrides look like key=value")
    if verb == "reproduce":
        if not names:
            raise UserError("reproduce what? name an experiment, as in: ain reproduce ain/table4")
        # What an experiment names goes before what the person names.
        overrides = ["reproduce=true", *stand_ins(names[0], ROOT / "experiments" / f"{names[0]}.yaml"), *overrides]
    elif verb != "run" or not names:  # an experiment may say how far it goes
        overrides = [f"stage={verb}", *overrides]
    return [*overrides, *(f"experiment={name}" for name in names), *flags]


_FLAGS_WITH_VALUE = (
    "--cfg",
    "-c",
    "--package",
    "-p",
    "--info",
    "-i",
    "--config-path",
    "-cp",
    "--config-name",
    "-cn",
    "--config-dir",
    "-cd",
    "--experimental-rerun",
)


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


if __name__ == "__main__":
    main()
