"""The config group `trainer`. It imports no large libraries, so that wrong values are rejected before any work."""

import os
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from ain import UserError
from ain.runtime.distributed import cores
from ain.runtime.paths import install_hint
from ain.runtime.ranges import AboveZero, NotNegative, Positive, PositiveShare

Strategy = Literal["ddp", "zero1", "zero2", "zero3"]  # in the order of ZeRO's stages; DDP shards nothing
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)


@dataclass(frozen=True)
class TrainerSettings:
    """How a training is distributed, divided into steps, and monitored; conf/trainer/cpu.yaml explains each value."""

    accelerator: Literal["auto", "cpu", "gpu"] = "cpu"
    strategy: Strategy = "ddp"
    devices: Positive = 1
    num_nodes: Positive = 1
    precision: Literal["auto", "32-true", "bf16-mixed"] = "32-true"
    max_epochs: Positive | None = 1
    max_steps: Positive | None = None
    packing: bool = True
    pack_length: Positive = 1536
    batch_size: Positive = 32
    accumulate_grad_batches: Positive = 1
    gradient_clip_val: Annotated[float, Field(ge=0)] = 1.0
    zero: dict[str, Any] = field(default_factory=dict)
    offload_optimizer: bool = False
    offload_parameters: bool = False
    export: Literal["last", "best"] = "last"
    every_n_train_steps: Positive = 200
    validation_samples: Positive | None = 2_000
    keep_last: Positive = 2
    sample_answers: NotNegative = 4
    num_workers: NotNegative = 0
    tflops: AboveZero | None = None
    mfu: PositiveShare = 0.4
    interconnect_gb_s: AboveZero | None = None
    memory_gb: AboveZero | None = None
    export_tolerance: AboveZero | None = None
    assume: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.max_epochs and not self.max_steps:
            raise UserError("set trainer.max_epochs or trainer.max_steps")
        for name, least in (("offload_optimizer", 1), ("offload_parameters", 3)):
            if getattr(self, name) and self.zero_stage < least:
                raise UserError(f"trainer.{name}=true needs ZeRO-{least} or higher; set trainer.strategy=zero3")

    @property
    def zero_stage(self) -> int:
        """What is sharded over the ranks: 0: nothing, 1: the optimizer's state, 2: also gradients, 3: also parameters."""
        return STRATEGIES.index(self.strategy)

    @property
    def world_size(self) -> int:
        """The number of ranks on all machines."""
        return self.devices * self.num_nodes

    @property
    def bf16(self) -> bool:
        """Whether the computation is in bfloat16."""
        return self.precision != "32-true"

    @property
    def shared_rows(self) -> bool:
        """Whether a row may hold several samples."""
        return self.packing or self.batch_size > 1


def resolved(settings: TrainerSettings) -> TrainerSettings:
    """Return the settings with `auto` decided for this machine, and no more workers than it has cores.

    Raise UserError if the devices or DeepSpeed are missing.
    """
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
            + (f"set trainer.devices={gpus}" if gpus else "set trainer=cpu, or run on a machine with a GPU")
        )
    os.environ["DS_ACCELERATOR"] = "cuda" if accelerator == "gpu" else "cpu"  # DeepSpeed reads it when it is imported
    precision = settings.precision
    if precision == "auto":
        precision = "bf16-mixed" if accelerator == "gpu" else "32-true"
    workers = min(settings.num_workers, cores(settings.devices))
    return replace(settings, accelerator=accelerator, precision=precision, num_workers=workers)
