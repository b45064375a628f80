"""A training job. Only its ranks import the large libraries; the process that requests and exports it need not."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ain.model.base import ModelFamily
from ain.model.processor import Batch
from ain.model.samples import Samples
from ain.trainer.checkpoints import Checkpoints
from ain.trainer.settings import TrainerSettings


@dataclass(frozen=True)
class Training:
    """Everything a rank needs to take part; it is sent to the processes that are started for it."""

    samples: Path
    model: ModelFamily
    objective: Any  # settings, with `module(model, family, steps)`
    settings: TrainerSettings
    seed: int
    out: Path

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.out / "checkpoints", self.settings.keep_last, self.model.checkpoint)

    def validation(self) -> Samples:
        """Return the held-out samples that every validation reads."""
        return Samples(self.samples, "validation").drawn(self.settings.validation_samples, self.seed)

    def parity_batch(self) -> Batch:
        """Return the batch whose logits are compared before and after export: the first sample alone."""
        _, tokens, images = Samples(self.samples, "train")[0]
        return self.model.processor.pack([tokens], [images])

    @property
    def libraries(self) -> list[str]:
        """The modules that take seconds to import and are loaded once for all ranks of a machine."""
        return ["ain.trainer.fit", *(["deepspeed"] if self.settings.zero_stage else [])]
