"""Supervised fine-tuning: next-token loss on answers, AdamW, and a learning rate that warms up and decays."""

import math
from typing import Annotated, Any, Literal

import pytorch_lightning as pl
import torch
from pydantic import Field
from torch.nn.functional import cross_entropy
from transformers import get_scheduler

from ain import UserError
from ain.model.base import ModelFamily
from ain.model.processor import IGNORE, Batch

Decay = Annotated[float, Field(ge=0, lt=1)]
# The schedulers of transformers that need no argument except the number of steps.
Scheduler = Literal[
    "cosine", "linear", "constant", "constant_with_warmup", "cosine_with_restarts", "polynomial", "inverse_sqrt"
]


class SupervisedFineTuning(pl.LightningModule):
    """Supervised fine-tuning of a loaded model of the family.

    steps: total number of optimizer steps; warmup_ratio: the share of them in which the learning rate rises.
    """

    def __init__(
        self,
        model: Any,
        family: ModelFamily,
        steps: int,
        learning_rate: Annotated[float, Field(gt=0)] = 1e-5,
        weight_decay: Annotated[float, Field(ge=0)] = 0.0,
        betas: tuple[Decay, Decay] = (0.9, 0.999),
        warmup_ratio: Decay = 0.1,
        lr_scheduler_type: Scheduler = "cosine",
    ) -> None:
        super().__init__()
        if lr_scheduler_type == "constant" and warmup_ratio:
            raise UserError(
                "objective.lr_scheduler_type=constant has no warm-up: set objective.warmup_ratio=0, "
                "or objective.lr_scheduler_type=constant_with_warmup"
            )
        self.model, self.family, self.steps = model, family, steps
        self.learning_rate, self.weight_decay, self.betas = learning_rate, weight_decay, betas
        self.warmup_ratio, self.lr_scheduler_type = warmup_ratio, lr_scheduler_type

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
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": self.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]  # adapters have no vectors
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate, betas=(self.betas[0], self.betas[1]), fused=True)
        warmup = round(self.warmup_ratio * self.steps)
        schedule = get_scheduler(self.lr_scheduler_type, optimizer, warmup, self.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
