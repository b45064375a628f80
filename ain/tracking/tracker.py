"""Define the config group `tracker`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Tracker:
    """mode: offline writes files that `wandb sync` sends later; disabled writes none. project: the W&B project."""

    mode: Literal["offline", "online", "disabled"] = "offline"
    project: str = "ain"
