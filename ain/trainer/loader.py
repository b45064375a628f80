"""Batches of one rank in the plan's order, prepared in worker processes, starting from any batch."""

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader, Sampler

from ain.model.processor import Batch, Processor
from ain.model.samples import Samples
from ain.trainer.plan import Plan


class Rows:
    """The plan's rows for one rank as a map-style dataset of batches."""

    def __init__(self, samples: Samples, plan: Plan, processor: Processor, rank: int) -> None:
        self.samples, self.plan, self.processor, self.rank = samples, plan, processor, rank

    def __len__(self) -> int:
        return self.plan.batches

    def __getitem__(self, batch: int) -> Batch:
        """Return packed samples with their normaliser, and the ids, languages and domains of their records."""
        row = self.plan.row(batch, self.rank)
        found = [self.samples[index] for index in row.samples]
        records = [{key: record[key] for key in ("id", "language", "domain")} for record, *_ in found]
        made = self.processor.pack([tokens for _, tokens, _ in found], [images for *_, images in found])
        return made | {"normaliser": row.normaliser, "records": records}


class Onwards(Sampler[int]):
    """Yield 0, 1, 2, ..., starting where an interrupted run stopped. The length is that of the whole run."""

    def __init__(self, length: int, start: int = 0) -> None:
        self.length, self.start = length, start

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.length))

    def __len__(self) -> int:
        return self.length


def loader(rows: Rows, workers: int, start: int = 0) -> "DataLoader[Any]":
    """Return a loader whose items are batches; each worker prepares two batches ahead."""
    return DataLoader(
        rows,  # type: ignore[arg-type]
        batch_size=None,
        sampler=Onwards(len(rows), start),
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,  # reimporting the libraries in each worker takes seconds
        persistent_workers=workers > 0,
    )
