"""How a model is spread over ranks: Lightning's strategies, and DeepSpeed's ZeRO, which here runs on a CPU as well."""

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
    """Of settings that are `resolved`; one device alone needs none, unless ZeRO is asked for by name."""
    gpu = settings.accelerator == "gpu"
    if not settings.zero_stage and int(os.environ.get("WORLD_SIZE", 1)) == 1:
        return SingleDeviceStrategy("cuda:0" if gpu else "cpu", checkpoint_io=Files())
    backend = "nccl" if gpu else "gloo"
    if not settings.zero_stage:
        return DDPStrategy(
            cluster_environment=_environment(),
            process_group_backend=backend,
            checkpoint_io=Files(),
            gradient_as_bucket_view=True,  # else all gradients are there twice
        )
    kind = Zero if gpu else CPUZero
    return kind(config=deepspeed_config(settings), cluster_environment=_environment(), process_group_backend=backend)


def _environment() -> ClusterEnvironment:
    """Ranks are there already: their numbers stand in the environment, as torchrun leaves them."""
    return TorchElasticEnvironment() if "RANK" in os.environ else LightningEnvironment()


def deepspeed_config(settings: TrainerSettings) -> dict[str, Any]:
    """DeepSpeed's JSON; Lightning adds precision, accumulation and clipping."""
    zero = {"stage": settings.zero_stage, **settings.zero}
    host = {"device": "cpu", "pin_memory": settings.accelerator == "gpu"}
    if settings.offload_optimizer:
        zero["offload_optimizer"] = host
    if settings.offload_parameters:
        zero["offload_param"] = host
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
        import deepspeed

        # Gloo does; DeepSpeed's own kernel for ranks of one machine would first be compiled, for a minute.
        deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
        self.set_world_ranks()
        self._init_deepspeed_distributed()

    @property
    def root_device(self) -> torch.device:
        return torch.device("cpu", self.local_rank)


class Files(TorchCheckpointIO):
    """A checkpoint as one file, written where it belongs: it gets its name with its directory, by us."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        torch.save(checkpoint, path)
