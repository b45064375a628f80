"""Batches of one rank in the plan's order, made in worker processes, from any batch on."""

from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader, Sampler

from ain.model.processor import Batch, Processor
from ain.model.samples import Samples
from ain.trainer.plan import Plan


class Rows:
    """The plan's rows for one rank as a map-style data set of batches."""

    def __init__(self, samples: Samples, plan: Plan, processor: Processor, rank: int) -> None:
        self.samples, self.plan, self.processor, self.rank = samples, plan, processor, rank

    def __len__(self) -> int:
        return self.plan.batches

    def __getitem__(self, batch: int) -> Batch:
        """Packed samples with their normaliser, and the ids, languages and domains of the records behind them."""
        row = self.plan.row(batch, self.rank)
        found = [self.samples[index] for index in row.samples]
        records = [{key: record[key] for key in ("id", "language", "domain")} for record, *_ in found]
        made = self.processor.pack([tokens for _, tokens, _ in found], [images for *_, images in found])
        return made | {"normaliser": row.normaliser, "records": records}


class Onwards(Sampler[int]):
    """0, 1, 2, ... but beginning where an interrupted run stopped. Its length is that of the whole."""

    def __init__(self, length: int, start: int = 0) -> None:
        self.length, self.start = length, start

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.start, self.length))

    def __len__(self) -> int:
        return self.length


def loader(rows: Rows, workers: int, start: int = 0) -> "DataLoader[Any]":
    """Each item is a batch; as many workers as asked for, each two batches ahead."""
    return DataLoader(
        rows,  # type: ignore[arg-type]
        batch_size=None,
        sampler=Onwards(len(rows), start),
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,  # a worker that loads the libraries anew takes seconds
        persistent_workers=workers > 0,
    )
