"""Monitoring of a training: loss, speed, memory. A non-finite loss ends the run at once."""

import math
import time
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch

from ain import UserError
from ain.model.processor import Batch
from ain.runtime.distributed import gathered
from ain.runtime.progress import progress
from ain.trainer.history import History, Step


class Watch(pl.Callback):
    """Sum up the batches and ranks of each step, and log the results."""

    def __init__(self, history: Path, capacity: float, flops_per_token: float, peak_flops: float | None) -> None:
        """capacity: tokens that all rows of a step can hold together; peak_flops: per second, of all devices together."""
        self.path = history
        self.capacity, self.flops_per_token, self.peak_flops = capacity, flops_per_token, peak_flops
        self.batches: list[tuple[torch.Tensor, list[str]]] = []  # of this step and rank: losses, ids of records
        self.tokens = 0
        self.rate = self.at = 0.0

    def on_train_start(self, trainer: pl.Trainer, module: Any) -> None:
        if trainer.is_global_zero:
            self.history = History(self.path, trainer.global_step)
        self.bar = progress("train", total=trainer.max_steps, unit="step") if trainer.is_global_zero else None
        if self.bar is not None:
            self.bar.update(trainer.global_step)
        self.step = trainer.global_step
        self.clock()

    def on_train_end(self, trainer: pl.Trainer, module: Any) -> None:
        if self.bar is not None:
            self.bar.close()

    def on_before_optimizer_step(self, trainer: pl.Trainer, module: Any, optimizer: Any) -> None:
        self.rate = trainer.optimizers[0].param_groups[0]["lr"]  # before the schedule's next step

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, batch: Batch, index: int) -> None:
        loss = outputs["loss"].detach() * trainer.accumulate_grad_batches  # Lightning has divided by it
        self.batches.append((loss, [record["id"] for record in batch["records"]]))
        self.tokens += batch["input_ids"].shape[1]
        if trainer.global_step > self.step:
            self._row(trainer, _norm(trainer, module))

    def _row(self, trainer: pl.Trainer, norm: float) -> None:
        mean = float(sum(loss for loss, _ in self.batches)) / len(self.batches)
        local = torch.tensor([mean, self.tokens, sum(len(ids) for _, ids in self.batches)])
        # Each rank holds its share of the step's loss.
        total = trainer.strategy.reduce(local.to(trainer.strategy.root_device), reduce_op="sum").tolist()
        loss, tokens, samples = total[0] / trainer.world_size, total[1], total[2]
        if not (math.isfinite(loss) and math.isfinite(norm)):  # on all ranks, since all hold the same two values
            raise UserError(_broken(loss, norm, trainer.global_step, self.batches))
        now = time.perf_counter()
        seconds, self.at = now - self.at, now
        self.step = trainer.global_step
        self.batches, self.tokens = [], 0
        if trainer.is_global_zero:
            flops = self.flops_per_token * tokens / seconds
            row = {
                "step": self.step,
                "loss": round(loss, 6),
                "learning_rate": self.rate,
                "gradient_norm": round(norm, 6),
                "step_seconds": round(seconds, 4),
                "tokens_per_second": round(tokens / seconds, 1),
                "samples_per_second": round(samples / seconds, 2),
                "padding": round(max(0.0, 1 - tokens / self.capacity), 4) if self.capacity else 0.0,
                "mfu": round(flops / self.peak_flops, 4) if self.peak_flops else None,
                "memory_gb": round(_memory(), 2),
            }
            self._say(row)

    def clock(self) -> None:
        """Restart the clock, so that validation and checkpoints do not count in any step's time."""
        self.at = time.perf_counter()

    def _say(self, row: Step) -> None:
        self.history.add(row)
        assert self.bar is not None
        self.bar.update(row["step"] - self.bar.n)
        self.bar.set_postfix(loss=f"{row['loss']:.3f}", tokens_s=f"{row['tokens_per_second']:,.0f}", refresh=False)


def _norm(trainer: pl.Trainer, module: Any) -> float:
    """Return the gradient norm before clipping. Under ZeRO no rank holds all gradients, so DeepSpeed computes it."""
    engine = getattr(trainer.strategy, "deepspeed_engine", None)
    return float(module.gradient_norm if engine is None else engine.get_global_grad_norm())


def _broken(loss: float, norm: float, step: int, batches: list[tuple[torch.Tensor, list[str]]]) -> str:
    """Return the error message, which names the records of the batches, on any rank, whose loss is not finite.

    If each batch's own loss is finite, it names the records of all batches.
    """
    found = [
        ([i for loss, ids in batches if not torch.isfinite(loss) for i in ids], [i for _, ids in batches for i in ids])
    ]
    every = [one for several in gathered(found) for one in several]
    ids = [i for bad, _ in every for i in bad] or [i for _, all_of_it in every for i in all_of_it]
    what = f"loss ({loss})" if not math.isfinite(loss) else f"gradient norm ({norm})"
    named = ", ".join(ids[:10]) + (f" and {len(ids) - 10} more" if len(ids) > 10 else "")
    return (
        f"non-finite {what} at step {step}, in a batch of the records {named}; "
        "set a lower objective.learning_rate, or look for what is wrong with them"
    )


def _memory() -> float:
    """Return the peak memory in GB: of the GPU, else of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e9
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
