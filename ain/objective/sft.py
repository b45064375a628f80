"""Supervised fine-tuning: next-token loss on answers, AdamW, and a learning rate that warms up and decays."""

from typing import Annotated, Any, Literal

from pydantic import Field

from ain import UserError
from ain.model.base import ModelFamily

Decay = Annotated[float, Field(ge=0, lt=1)]
# The schedulers of transformers that need no argument except the number of steps.
Scheduler = Literal[
    "cosine", "linear", "constant", "constant_with_warmup", "cosine_with_restarts", "polynomial", "inverse_sqrt"
]


class SupervisedFineTuning:
    """Supervised fine-tuning of all answers. warmup_ratio: share of all steps in which the learning rate rises."""

    def __init__(
        self,
        learning_rate: Annotated[float, Field(gt=0)] = 1e-5,
        weight_decay: Annotated[float, Field(ge=0)] = 0.0,
        betas: tuple[Decay, Decay] = (0.9, 0.999),
        warmup_ratio: Decay = 0.1,
        lr_scheduler_type: Scheduler = "cosine",
    ) -> None:
        if lr_scheduler_type == "constant" and warmup_ratio:
            raise UserError(
                "objective.lr_scheduler_type=constant has no warm-up: set objective.warmup_ratio=0, "
                "or objective.lr_scheduler_type=constant_with_warmup"
            )
        self.learning_rate, self.weight_decay, self.betas = learning_rate, weight_decay, betas
        self.warmup_ratio, self.lr_scheduler_type = warmup_ratio, lr_scheduler_type

    def module(self, model: Any, family: ModelFamily, steps: int) -> Any:
        """Return the Lightning module that trains a loaded model of the family for a number of optimizer steps."""
        from ain.objective.sft_module import SFTModule

        return SFTModule(self, model, family, steps)
