"""The config group `trainer`. Slips of the hand are said when it is made, before hours of work; it loads no library."""

import os
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Any

from ain import UserError
from ain.runtime.distributed import cores
from ain.runtime.paths import install_hint

STRATEGIES = ("ddp", "zero1", "zero2", "zero3")  # by ZeRO's stage; DDP shares nothing out
CHOICES = {
    "accelerator": ("auto", "cpu", "gpu"),
    "strategy": STRATEGIES,
    "precision": ("auto", "32-true", "bf16-mixed"),
    "export": ("last", "best"),
}
_FROM_ONE = ("devices", "num_nodes", "row_tokens", "batch_size", "accumulate", "checkpoint_every", "keep_last")
_FROM_ZERO = ("show", "workers")


@dataclass(frozen=True)
class Settings:
    """How a training is spread over devices, cut into steps, and watched; conf/trainer/cpu.yaml says what each value means."""

    accelerator: str = "cpu"
    strategy: str = "ddp"
    devices: int = 1
    num_nodes: int = 1
    precision: str = "32-true"
    max_epochs: int | None = 1
    max_steps: int | None = None
    packing: bool = True
    row_tokens: int = 1536
    batch_size: int = 32
    accumulate: int = 1
    clip: float = 1.0
    zero: dict[str, Any] = field(default_factory=dict)
    offload_optimizer: bool = False
    offload_parameters: bool = False
    export: str = "last"
    checkpoint_every: int = 200
    keep_last: int = 2
    show: int = 4
    workers: int = 0
    tflops: float | None = None
    utilisation: float = 0.4
    memory_gb: float | None = None
    assume: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for least, names in ((1, _FROM_ONE), (0, _FROM_ZERO), (1, ("max_epochs", "max_steps"))):
            for name in names:
                if (value := getattr(self, name)) is not None and value < least:
                    raise UserError(f"trainer.{name}={value}: expected a whole number from {least} on")
        if self.clip < 0:
            raise UserError(f"trainer.clip={self.clip}: expected a number from 0 on; 0 clips nothing")
        if not 0 < self.utilisation <= 1:
            raise UserError(f"trainer.utilisation={self.utilisation}: expected a share, above 0 and up to 1")
        if not self.max_epochs and not self.max_steps:
            raise UserError("give trainer.max_epochs or trainer.max_steps")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise UserError(f"trainer.{name}={getattr(self, name)}: choose one of {', '.join(choices)}")
        for name, least in (("offload_optimizer", 1), ("offload_parameters", 3)):
            if getattr(self, name) and self.zero_stage < least:
                raise UserError(f"trainer.{name}=true goes with ZeRO-{least} or higher; say trainer.strategy=zero3")

    @property
    def zero_stage(self) -> int:
        """1: the optimizer's state is shared out, 2: gradients too, 3: parameters too; 0: nothing is, every rank has all."""
        return STRATEGIES.index(self.strategy)

    @property
    def world_size(self) -> int:
        """Ranks on all machines."""
        return self.devices * self.num_nodes

    @property
    def half(self) -> bool:
        """Whether the arithmetic is bfloat16."""
        return self.precision != "32-true"


def resolved(settings: Settings) -> Settings:
    """The same with `auto` decided by this machine, and no more workers than it has cores; it must have the devices."""
    import torch

    if settings.zero_stage and find_spec("deepspeed") is None:
        raise UserError(
            f"trainer.strategy={settings.strategy}: DeepSpeed is not installed; {install_hint('deepspeed')}"
        )
    gpus = torch.cuda.device_count()
    accelerator = settings.accelerator
    if accelerator == "auto":
        accelerator = "gpu" if gpus else "cpu"
    if accelerator == "gpu" and settings.devices > gpus:
        seen = "no GPU is" if gpus == 0 else f"{gpus} GPUs are" if gpus > 1 else "1 GPU is"
        raise UserError(
            f"trainer.devices={settings.devices}, but {seen} visible here; "
            + (f"say trainer.devices={gpus}" if gpus else "say trainer=cpu, or run where there is one")
        )
    os.environ["DS_ACCELERATOR"] = "cuda" if accelerator == "gpu" else "cpu"  # DeepSpeed asks when it is imported
    precision = settings.precision
    if precision == "auto":
        precision = "bf16-mixed" if accelerator == "gpu" else "32-true"
    workers = min(settings.workers, cores(settings.devices))
    return replace(settings, accelerator=accelerator, precision=precision, workers=workers)
