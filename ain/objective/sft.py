"""Supervised fine-tuning: next-token loss on answers, AdamW, cosine with warm-up."""

import math
from typing import Any

import pytorch_lightning as pl
import torch
from torch.nn.functional import cross_entropy
from transformers import get_cosine_schedule_with_warmup

from ain import UserError
from ain.model.packed import Batch
from ain.model.processor import IGNORE

_INPUTS = ("input_ids", "position_ids", "pixel_values", "image_grid_thw")


class SupervisedFineTuning(pl.LightningModule):
    """model: a Qwen2-VL-class model; steps: optimizer steps in all; warmup: the share of them that the learning rate rises."""

    def __init__(
        self,
        model: Any,
        steps: int,
        learning_rate: float = 1e-5,
        weight_decay: float = 0.0,
        betas: tuple[float, float] = (0.9, 0.999),
        warmup: float = 0.1,
    ) -> None:
        super().__init__()
        if learning_rate <= 0 or not 0 <= warmup < 1:
            raise UserError("objective: expected a learning_rate above 0, and for warmup a share from 0 to below 1")
        self.model = model
        self.steps = steps
        self.learning_rate, self.weight_decay, self.betas, self.warmup = learning_rate, weight_decay, betas, warmup

    def logits(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """(logits, targets) of the answer tokens alone: [answers, vocabulary] and [answers]. Others take no projection."""
        asked = batch["targets"] != IGNORE
        return self.model.lm_head(self.hidden(batch)[asked]), batch["targets"][asked]

    def hidden(self, batch: Batch) -> torch.Tensor:
        """What stands before the vocabulary: [tokens, width]."""
        return self.model.model(**{name: batch[name] for name in _INPUTS}, use_cache=False).last_hidden_state[0]  # type: ignore[no-any-return]

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        """The row's share of the step's loss: over a step's rows and ranks, these average to the mean over its answer tokens."""
        logits, targets = self.logits(batch)
        return cross_entropy(logits.float(), targets, reduction="sum") / batch["normaliser"]  # type: ignore[no-any-return]

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: Any = None, gradient_clip_algorithm: Any = None
    ) -> None:
        """By the norm of all gradients, which is kept. DeepSpeed has done it by itself, where no rank has them all."""
        if not hasattr(self.trainer.strategy, "deepspeed_engine"):
            trained = [p for p in self.model.parameters() if p.grad is not None]
            self.gradient_norm = torch.nn.utils.clip_grad_norm_(trained, gradient_clip_val or math.inf)

    def configure_optimizers(self) -> Any:
        """Vectors (norms, biases) do not decay."""
        trained = [p for p in self.model.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": self.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]  # adapters have no vectors
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate, betas=(self.betas[0], self.betas[1]), fused=True)
        schedule = get_cosine_schedule_with_warmup(optimizer, round(self.warmup * self.steps), self.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
