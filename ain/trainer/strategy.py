"""How a model is spread over ranks: Lightning's strategies, and DeepSpeed's ZeRO, which here runs on a CPU as well."""

import os
import sys
from typing import Any

import torch
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy, Strategy
from pytorch_lightning.strategies.deepspeed import DeepSpeedStrategy

from ain import UserError
from ain.ranks import rank


def settled(trainer: dict[str, Any]) -> dict[str, Any]:
    """The config group with `auto` decided by this machine, and no more workers than it has cores."""
    gpus = torch.cuda.device_count()
    accelerator = trainer["accelerator"]
    if accelerator == "auto":
        accelerator = "gpu" if gpus else "cpu"
        if not gpus and rank() == 0:
            print(f"ain: no GPU is visible: {trainer['devices']} ranks on the CPU", file=sys.stderr, flush=True)
    if accelerator == "gpu" and trainer["devices"] > gpus:
        seen = "no GPU is" if gpus == 0 else f"{gpus} GPUs are" if gpus > 1 else "1 GPU is"
        raise UserError(
            f"trainer.devices={trainer['devices']}, but {seen} visible here; "
            + (f"say trainer.devices={gpus}" if gpus else "say trainer=cpu, or run where there is one")
        )
    if accelerator == "cpu":
        os.environ["DS_ACCELERATOR"] = "cpu"  # DeepSpeed asks when it is imported
    precision = trainer["precision"]
    if precision == "auto":
        precision = "bf16-mixed" if accelerator == "gpu" else "32-true"
    workers = min(trainer["workers"], (os.cpu_count() or 1) // trainer["devices"])
    return {**trainer, "accelerator": accelerator, "precision": precision, "workers": workers}


def strategy(trainer: dict[str, Any]) -> Strategy:
    """The strategy of a config group `trainer`; one device alone needs none, unless ZeRO is asked for by name."""
    name, gpu = trainer["strategy"], trainer["accelerator"] == "gpu"
    if name == "ddp" and int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return SingleDeviceStrategy("cuda:0" if gpu else "cpu", checkpoint_io=Files())
    backend = "nccl" if gpu else "gloo"
    if name == "ddp":
        return DDPStrategy(cluster_environment=_environment(), process_group_backend=backend, checkpoint_io=Files())
    kind = Zero if gpu else CPUZero
    return kind(config=deepspeed_config(trainer), cluster_environment=_environment(), process_group_backend=backend)


def _environment() -> ClusterEnvironment:
    """Ranks are there already: their numbers stand in the environment, as torchrun leaves them."""
    return TorchElasticEnvironment() if "RANK" in os.environ else LightningEnvironment()


def deepspeed_config(trainer: dict[str, Any]) -> dict[str, Any]:
    """DeepSpeed's JSON; Lightning adds precision, accumulation and clipping."""
    zero = {"stage": int(trainer["strategy"][-1]), **trainer["zero"]}
    for ours, theirs in (("optimizer", "optimizer"), ("parameters", "param")):
        if trainer[f"offload_{ours}"]:
            zero[f"offload_{theirs}"] = {"device": "cpu", "pin_memory": trainer["accelerator"] == "gpu"}
    return {
        "zero_optimization": zero,
        "train_micro_batch_size_per_gpu": 1,  # of its own throughput log only; a row is a batch
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,  # torch's AdamW, which is fused on CPUs too
    }


class Zero(DeepSpeedStrategy):
    """Lightning has divided the loss by the number of accumulated batches; DeepSpeed would do it again."""

    def backward(self, closure_loss: torch.Tensor, optimizer: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        return super().backward(closure_loss, optimizer, *args, scale_wrt_gas=False, **kwargs)


class CPUZero(Zero):
    """Lightning's strategy asks for CUDA, DeepSpeed does not: ZeRO runs over gloo on CPU ranks."""

    def setup_environment(self) -> None:
        super(DeepSpeedStrategy, self).setup_environment()

    def setup_distributed(self) -> None:
        self.set_world_ranks()
        self._init_deepspeed_distributed()

    @property
    def root_device(self) -> torch.device:
        return torch.device("cpu", self.local_rank)


class Files(TorchCheckpointIO):
    """A checkpoint as one file, written where it belongs: it gets its name with its directory, by us."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        torch.save(checkpoint, path)
