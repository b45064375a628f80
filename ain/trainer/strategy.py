"""How a model is distributed over ranks: Lightning's strategies, and DeepSpeed's ZeRO, which here also runs on a CPU."""

import os
from typing import Any

import torch
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.plugins.io.torch_io import TorchCheckpointIO
from pytorch_lightning.strategies import DDPStrategy, SingleDeviceStrategy, Strategy
from pytorch_lightning.strategies.deepspeed import DeepSpeedStrategy

from ain.trainer.settings import TrainerSettings


def strategy(settings: TrainerSettings) -> Strategy:
    """Return the strategy for `resolved` settings. A single device needs no distributed one, unless ZeRO is requested."""
    gpu = settings.accelerator == "gpu"
    if not settings.zero_stage and int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return SingleDeviceStrategy("cuda:0" if gpu else "cpu", checkpoint_io=Files())
    backend = "nccl" if gpu else "gloo"
    if not settings.zero_stage:
        return DDPStrategy(
            cluster_environment=_environment(),
            process_group_backend=backend,
            checkpoint_io=Files(),
            gradient_as_bucket_view=True,  # otherwise all gradients are stored twice
        )
    kind = Zero if gpu else CPUZero
    return kind(config=deepspeed_config(settings), cluster_environment=_environment(), process_group_backend=backend)


def _environment() -> ClusterEnvironment:
    """Return the environment: ranks are running already, numbered by environment variables like those of torchrun."""
    return TorchElasticEnvironment() if "RANK" in os.environ else LightningEnvironment()


def deepspeed_config(settings: TrainerSettings) -> dict[str, Any]:
    """Return DeepSpeed's JSON configuration; Lightning adds precision, accumulation and clipping."""
    zero = {"stage": settings.zero_stage, **settings.zero}
    host = {"device": "cpu", "pin_memory": settings.accelerator == "gpu"}
    if settings.offload_optimizer:
        zero["offload_optimizer"] = host
    if settings.offload_parameters:
        zero["offload_param"] = host
    return {
        "zero_optimization": zero,
        "train_micro_batch_size_per_gpu": 1,  # only used for DeepSpeed's throughput log; a row is a batch
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": False,  # torch's AdamW, which is fused on CPUs too
    }


class Zero(DeepSpeedStrategy):
    """ZeRO without its own scaling of the loss: Lightning has already divided it by the number of accumulated batches."""

    def backward(self, closure_loss: torch.Tensor, optimizer: Any, *args: Any, **kwargs: Any) -> torch.Tensor:
        return super().backward(closure_loss, optimizer, *args, scale_wrt_gas=False, **kwargs)


class CPUZero(Zero):
    """ZeRO over gloo on CPU ranks: Lightning's strategy requires CUDA, but DeepSpeed does not."""

    def setup_environment(self) -> None:
        super(DeepSpeedStrategy, self).setup_environment()

    def setup_distributed(self) -> None:
        import deepspeed

        # Gloo is enough; DeepSpeed's own kernel for ranks on one machine would take a minute to compile first.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
        self.set_world_ranks()
        self._init_deepspeed_distributed()

    @property
    def root_device(self) -> torch.device:
        return torch.device("cpu", self.local_rank)


class Files(TorchCheckpointIO):
    """Write a checkpoint as one file directly at its path; `Checkpoints` renames the directory when it is complete."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        torch.save(checkpoint, path)
