"""Validation loss during training: in total, and for each language and domain."""

from bisect import bisect_right
from collections import defaultdict
from dataclasses import replace
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from ain.model.processor import IGNORE, Batch, Processor
from ain.model.samples import Samples
from ain.runtime.distributed import gathered
from ain.trainer.loader import Rows, loader
from ain.trainer.plan import Plan
from ain.trainer.settings import TrainerSettings

Sums = dict[tuple[str, str], tuple[float, int]]  # (language, domain) → (loss, answer tokens)


class Validation:
    """The held-out samples that a validation reads, distributed over the ranks."""

    def __init__(
        self, samples: Samples, processor: Processor, settings: TrainerSettings, world_size: int, rank: int
    ) -> None:
        once = replace(settings, accumulate_grad_batches=1, max_epochs=1, max_steps=None)
        self.rows = Rows(samples, Plan(samples.lengths, samples.answers, once, 0, world_size), processor, rank)
        self.workers = settings.num_workers

    def loss(self, module: Any) -> dict[str, float]:
        """Return "validation/loss", and the same for each language and for each language's domains. Empty without data."""
        sums: Sums = {}
        precision, strategy = module.trainer.precision_plugin, module.trainer.strategy
        module.eval()
        with torch.no_grad(), precision.val_step_context():
            for batch in loader(self.rows, self.workers):
                sums = _added(sums, _sums(module, strategy.batch_to_device(precision.convert_input(batch))))
        module.train()
        total: Sums = {}
        for share in gathered(sums):
            total = _added(total, share)
        return _means(total)


def _sums(module: Any, batch: Batch) -> Sums:
    """Return the losses of a row's answer tokens, summed by the language and domain of their sample."""
    logits, targets = module.logits(batch)
    losses = cross_entropy(logits.float(), targets, reduction="none")
    asked = (batch["targets"] != IGNORE).nonzero()[:, 0].tolist()
    owners = [bisect_right(batch["bounds"], token) - 1 for token in asked]
    sums: dict[tuple[str, str], list[float]] = defaultdict(list)
    for owner, loss in zip(owners, losses.tolist(), strict=True):
        record = batch["records"][owner]
        sums[record["language"], record["domain"]].append(loss)
    return {group: (sum(found), len(found)) for group, found in sums.items()}


def _added(one: Sums, other: Sums) -> Sums:
    total = dict(one)
    for group, (loss, count) in other.items():
        before = total.get(group, (0.0, 0))
        total[group] = (before[0] + loss, before[1] + count)
    return total


def _means(sums: Sums) -> dict[str, float]:
    grouped: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for (language, domain), found in sorted(sums.items()):
        for name in ("loss", f"loss_{language}", f"loss_{language}_{domain}"):
            grouped[f"validation/{name}"].append(found)
    return {name: round(sum(loss for loss, _ in of) / sum(count for _, count in of), 6) for name, of in grouped.items()}
