"""The training plan: which samples form which row of which step, on which rank. It depends on the seed alone.

A step is `accumulate_grad_batches` rows on each of `world_size` ranks. All ranks compute the same plan, so each knows
without communication how many answer tokens a whole step holds. Losses are sums divided by that number, so they do not
depend on how samples are distributed.
"""

import math
from dataclasses import dataclass

import numpy as np

from ain import UserError
from ain.trainer.packing import best_fit
from ain.trainer.settings import TrainerSettings


@dataclass(frozen=True)
class PackedRow:
    """The samples of one forward pass, concatenated. An empty row takes part in a step and trains nothing."""

    samples: list[int]
    normaliser: float  # answer tokens of the whole step, divided by its rows


class Plan:
    """The rows of all steps and ranks.

    lengths, answers [samples]: the number of tokens, and of tokens that the loss is computed on. steps: optimizer
    steps; batches: forward passes of each rank.
    """

    def __init__(
        self, lengths: np.ndarray, answers: np.ndarray, settings: TrainerSettings, seed: int, world_size: int = 1
    ) -> None:
        self.lengths, self.answers = lengths, answers
        self.world_size, self.accumulate, self.packing = world_size, settings.accumulate_grad_batches, settings.packing
        self.pack_length, self.batch_size = settings.pack_length, settings.batch_size
        if self.packing and len(lengths) and self.pack_length < int(lengths.max()):
            raise UserError(
                f"trainer.pack_length={self.pack_length}, but a sample has {lengths.max()} tokens; "
                f"set trainer.pack_length={lengths.max()} or lower model.processor.max_length"
            )
        epochs = self._epochs(seed, settings.max_epochs, settings.max_steps)
        self.steps = settings.max_steps or math.ceil(sum(map(len, epochs)) / self.rows_per_step)
        self.batches = self.steps * self.accumulate
        rows = [row for epoch in epochs for row in epoch][: self.steps * self.rows_per_step]
        self._samples = np.concatenate([*rows, np.zeros(0)]).astype(np.int32)
        self._ends = np.cumsum([0, *map(len, rows)])

    @property
    def rows_per_step(self) -> int:
        return self.accumulate * self.world_size

    def _epochs(self, seed: int, max_epochs: int | None, max_steps: int | None) -> list[list[np.ndarray]]:
        """Return the rows of each epoch; if max_steps is set, as many epochs as the steps need."""
        made: list[list[np.ndarray]] = []
        wanted = max_steps * self.rows_per_step if max_steps else math.inf
        while len(self.lengths) and sum(map(len, made)) < wanted and (max_steps or len(made) < (max_epochs or 0)):
            made.append(self._epoch(np.random.default_rng([seed, len(made)])))
        return made

    def _epoch(self, random: np.random.Generator) -> list[np.ndarray]:
        """Return every sample once, in random rows in random order. A packed row is sorted by length, since
        attention takes adjacent samples of equal length in one call."""
        order = random.permutation(len(self.lengths))
        if not self.packing:
            return np.split(order, range(self.batch_size, len(order), self.batch_size))
        rows = [order[row] for row in best_fit(self.lengths[order], self.pack_length)]
        rows = [row[np.argsort(self.lengths[row], kind="stable")] for row in rows]
        return [rows[i] for i in random.permutation(len(rows))]

    def __len__(self) -> int:
        """The number of rows."""
        return len(self._ends) - 1

    def _between(self, first: int, last: int) -> np.ndarray:
        return self._samples[self._ends[min(first, len(self))] : self._ends[min(last, len(self))]]

    def row(self, batch: int, rank: int = 0) -> PackedRow:
        """Return the row that a rank processes in its `batch`-th forward pass. The last step may have empty rows."""
        start = batch // self.accumulate * self.rows_per_step
        answers = int(self.answers[self._between(start, start + self.rows_per_step)].sum())
        number = batch * self.world_size + rank
        return PackedRow(self._between(number, number + 1).tolist(), max(answers, 1) / self.rows_per_step)

    def tokens(self) -> int:
        """Return the number of tokens in all steps together."""
        return int(self.lengths[self._samples].sum())

    def fill(self) -> float:
        """Return the share of the rows' tokens that are used; 1.0 without packing, where a row ends with its samples."""
        return self.tokens() / (len(self) * self.pack_length) if self.packing and len(self) else 1.0
