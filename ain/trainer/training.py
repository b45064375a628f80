"""A training as it is asked for. Its ranks load the libraries that it takes; who asks for it and exports it need not."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ain.model.base import ModelFamily
from ain.model.processor import Batch
from ain.model.samples import Samples
from ain.tracking.tracker import Tracker
from ain.trainer.checkpoints import Checkpoints
from ain.trainer.settings import TrainerSettings


@dataclass(frozen=True)
class Training:
    """All that a rank needs to take part; it travels to the processes that are started for it."""

    samples: Path
    model: ModelFamily
    objective: Callable[..., Any]
    settings: TrainerSettings
    tracker: Tracker
    seed: int
    out: Path

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.out / "checkpoints", self.settings.keep_last, self.model.checkpoint)

    def parity_batch(self) -> Batch:
        """The batch by which a model is known again: the first sample alone."""
        _, tokens, images = Samples(self.samples, "train")[0]
        return self.model.processor.pack([tokens], [images])

    def described(self) -> dict[str, Any]:
        """By what it may differ from another, for those who compare."""
        model = {name: value for name, value in vars(self.model).items() if name not in ("processor", "architecture")}
        objective = getattr(self.objective, "keywords", {})
        return {
            "model": model,
            "objective": objective,
            "trainer": asdict(self.settings),
            "seed": self.seed,
            "samples": self.samples.name,
        }

    @property
    def libraries(self) -> list[str]:
        """What takes seconds to import, and is loaded once for all ranks of a machine."""
        return ["ain.trainer.fit", *(["deepspeed"] if self.settings.zero_stage else [])]
