"""Checkpoints of a running training, each complete or absent. The last ones and the best are kept to resume and export."""

import json
import math
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ain import UserError
from ain.model.weights import copy_files
from ain.storage.files import replace_text

if TYPE_CHECKING:
    import pytorch_lightning as pl

_MARK = "complete.json"  # written last, with the sizes of all files, so that a torn checkpoint is detected


class Checkpoints:
    """`step-00000100/` and so on in one directory, each with Lightning's `state`: a file, or a directory of ZeRO's shards."""

    def __init__(self, directory: Path, keep_last: int, base: str | None = None) -> None:
        """base: the checkpoint whose configuration, processor and generation files are copied beside each state."""
        self.directory, self.keep_last, self.base = directory, keep_last, base

    def save(self, trainer: "pl.Trainer", losses: dict[str, float], parity_batch: torch.Tensor) -> None:
        """Save a checkpoint; all ranks call this. It gets its name only when complete, so a crash leaves no partial one.

        parity_batch: logits that the exported model is compared with.
        """
        final = self.directory / f"step-{trainer.global_step:08d}"
        beside = final.with_name(f".{final.name}")
        if trainer.is_global_zero:
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(parents=True)
        trainer.strategy.barrier()
        trainer.save_checkpoint(beside / "state")
        if trainer.is_global_zero:
            torch.save(parity_batch, beside / "parity_batch.pt")
            if self.base:
                copy_files(self.base, beside)
            mark = {"job": self._job, "step": trainer.global_step, "losses": losses, "files": _sizes(beside)}
            replace_text(beside / _MARK, json.dumps(mark))
            shutil.rmtree(final, ignore_errors=True)
            os.replace(beside, final)
            self._prune()
        trainer.strategy.barrier()

    @property
    def _job(self) -> str:
        """The name of the training's directory, which holds its fingerprint."""
        return self.directory.parent.name

    def refuse_others(self, path: Path) -> None:
        """Raise UserError for a checkpoint of another training. DeepSpeed loads its state with pickle, which runs code."""
        if (_read(path / _MARK) or {}).get("job") != self._job:
            raise UserError(
                f"{path}: this training did not write it, and a state of ZeRO can run code as it is loaded; delete the folder "
                "and run the same command again"
            )

    def latest(self) -> Path | None:
        """Return the newest complete checkpoint."""
        return next(self._whole(), None)

    def best(self) -> Path | None:
        """Return the checkpoint with the lowest validation loss; without validation data, the newest."""
        losses = ((mark["losses"].get("validation/loss", math.nan), path) for path, mark in self._marked())
        rated = [(loss, path) for loss, path in losses if math.isfinite(loss)]
        return min(rated)[1] if rated else self.latest()

    def losses(self, path: Path) -> dict[str, float]:
        """Return the validation losses at the time the checkpoint was saved."""
        mark = _read(path / _MARK)
        return mark["losses"] if mark else {}

    def step(self, path: Path) -> int:
        return int(path.name.removeprefix("step-"))

    def _whole(self) -> Iterator[Path]:
        return (path for path, _ in self._marked())

    def _marked(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in sorted(self.directory.glob("step-*"), reverse=True):
            mark = _read(path / _MARK)
            if mark and mark["files"] == _sizes(path):
                yield path, mark

    def _prune(self) -> None:
        kept = {*list(self._whole())[: self.keep_last], self.best()}
        for path in self.directory.iterdir():
            if path not in kept:
                shutil.rmtree(path)

    def clear(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


def _sizes(directory: Path) -> dict[str, int]:
    files = (path for path in directory.rglob("*") if path.is_file() and path.name != _MARK)
    return {str(path.relative_to(directory)): path.stat().st_size for path in sorted(files)}


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text(encoding="utf-8"))  # type: ignore[no-any-return]
    except (OSError, ValueError):
        return None
