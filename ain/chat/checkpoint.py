"""What models have in common whose checkpoint is a directory or a hub id, whatever library runs it."""

from abc import ABC
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from ain import UserError
from ain.chat import LanguageModel
from ain.storage.digests import content_digest


class CheckpointModel(LanguageModel, ABC):
    """A model whose checkpoint is configured, or supplied by the stage that asks it."""

    deterministic = True  # greedy, or with a fixed seed
    library = ""  # what runs it, for its identity
    checkpoint: str | None
    processor: Any = None

    def with_checkpoint(self, checkpoint: str, processor: Any = None) -> Self:
        if self.checkpoint is not None:
            return self
        model = copy(self)
        model.checkpoint, model.processor = checkpoint, processor
        return model

    @cached_property
    def identity(self) -> list[Any]:  # type: ignore[override]
        local = Path(self.named)
        return [self.library, content_digest(local) if local.is_dir() else self.named, *self.shaping]

    @property
    def shaping(self) -> list[Any]:
        """Return the settings that affect an answer, for the model's identity."""
        return []

    @property
    def named(self) -> str:
        """Return the checkpoint's name. Raises UserError if there is none."""
        if self.checkpoint is None:
            raise UserError("no checkpoint is named: give one with checkpoint=DIRECTORY or checkpoint=ORG/NAME")
        return self.checkpoint
