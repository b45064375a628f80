"""The Lightning module of supervised fine-tuning. Only training imports it, because Lightning takes seconds to load."""

import math
from typing import Any

import pytorch_lightning as pl
import torch
from torch.nn.functional import cross_entropy
from transformers import get_scheduler

from ain.model.base import ModelFamily
from ain.model.processor import IGNORE, Batch


class SFTModule(pl.LightningModule):
    """The objective applied to a loaded model of the family.

    objective: `ain.objective.sft.SupervisedFineTuning`. steps: total number of optimizer steps.
    """

    def __init__(self, objective: Any, model: Any, family: ModelFamily, steps: int) -> None:
        super().__init__()
        self.objective, self.model, self.family, self.steps = objective, model, family, steps

    def logits(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (logits [answers, vocabulary], targets [answers]) of answer tokens. Other tokens are not projected."""
        asked = batch["targets"] != IGNORE
        return self.family.logits(self.model, self.family.hidden(self.model, batch)[asked]), batch["targets"][asked]

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        """Return the row's share of the loss; its average over a step's rows and ranks is the mean over answer tokens."""
        logits, targets = self.logits(batch)
        return cross_entropy(logits.float(), targets, reduction="sum") / batch["normaliser"]  # type: ignore[no-any-return]

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: Any = None, gradient_clip_algorithm: Any = None
    ) -> None:
        """Clip by the norm of all gradients and keep it. DeepSpeed has already clipped, since no rank holds all gradients."""
        if not hasattr(self.trainer.strategy, "deepspeed_engine"):
            trained = [p for p in self.model.parameters() if p.grad is not None]
            self.gradient_norm = torch.nn.utils.clip_grad_norm_(trained, gradient_clip_val or math.inf)

    def configure_optimizers(self) -> Any:
        """Return AdamW, which does not decay vectors (norms, biases), and its learning-rate schedule."""
        trained = [p for p in self.model.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": self.objective.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]  # adapters have no vectors
        optimizer = torch.optim.AdamW(groups, lr=self.objective.learning_rate, betas=self.objective.betas, fused=True)
        warmup = round(self.objective.warmup_ratio * self.steps)
        schedule = get_scheduler(self.objective.lr_scheduler_type, optimizer, warmup, self.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
