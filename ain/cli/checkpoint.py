"""The checkpoint that a person names for `ain chat` and `ain serve`."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ain import UserError

if TYPE_CHECKING:
    from ain.chat.local import LocalModel

HELP = "a directory, a hub id, or a train stage's directory"
DEVICES = "auto, cpu, cuda, cuda:N or mps (auto)"


def check_device(device: str) -> None:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise UserError(f"--device {device}: choose one of auto, cpu, cuda, cuda:N, mps")


def local_model(name: str, output_dir: Path, device: str, **settings: Any) -> "LocalModel":
    """Return the model, with the processor of this project's families where the checkpoint is of one."""
    from transformers.utils.logging import disable_progress_bar

    from ain.chat.local import LocalModel
    from ain.model.families import processor

    disable_progress_bar()  # of loading weights
    directory = located(name, output_dir)
    return LocalModel(directory, processor(directory), device=device, **settings)


def located(name: str, output_dir: Path) -> str:
    """Return the directory of a checkpoint. Raise UserError if there is none."""
    from ain.pipeline.locate import identity, locate

    inner = Path(name) / "checkpoint"  # of a train stage
    if not (Path(name) / "config.json").exists() and (inner / "config.json").exists():
        name = str(inner)
    identity(name)  # refuses what is neither a directory nor a hub id
    directory = locate(name, output_dir)
    if not (Path(directory) / "config.json").exists():
        raise UserError(f"{name}: no checkpoint: there is no config.json in it; give the directory that holds one")
    return directory
