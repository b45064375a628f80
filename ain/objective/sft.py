"""Supervised fine-tuning: next-token loss on answers, AdamW, cosine with warm-up."""

from typing import Any

import pytorch_lightning as pl
import torch
from transformers import get_cosine_schedule_with_warmup


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
        self.model = model
        self.steps = steps
        self.learning_rate, self.weight_decay, self.betas, self.warmup = learning_rate, weight_decay, betas, warmup

    def training_step(self, batch: dict[str, torch.Tensor], index: int) -> torch.Tensor:
        loss = self.model(**batch, use_cache=False).loss
        self.log("train/loss", loss, prog_bar=True)
        return loss  # type: ignore[no-any-return]

    def validation_step(self, batch: dict[str, torch.Tensor], index: int) -> None:
        self.log("validation/loss", self.model(**batch, use_cache=False).loss, batch_size=len(batch["input_ids"]))

    def configure_optimizers(self) -> Any:
        """Vectors (norms, biases) do not decay."""
        trained = [p for p in self.model.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": self.weight_decay},
            {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate, betas=(self.betas[0], self.betas[1]))
        schedule = get_cosine_schedule_with_warmup(optimizer, round(self.warmup * self.steps), self.steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
