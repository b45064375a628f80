"""Checkpoints of a running training, each complete or absent. The last ones and the best are kept to resume and export."""

import math
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ain import UserError
from ain.model.weights import copy_files
from ain.runtime.console import log
from ain.storage.damage import Damaged, read_guarded, write_guarded
from ain.storage.listing import file_digest

if TYPE_CHECKING:
    import pytorch_lightning as pl

_MARK = "complete.json"  # written last, with the sizes and digests of all files, so that damage is detected
_THREADS = 4  # that read files to compute their digests


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
            mark = {"job": self._job, "step": trainer.global_step, "losses": losses}
            write_guarded(beside / _MARK, mark | {"files": _sizes(beside), "digests": _digests(beside)})
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
        """Return the newest checkpoint whose files have the sizes that they had."""
        return next((path for path, mark in self._marked() if mark["files"] == _sizes(path)), None)

    def intact(self) -> Path | None:
        """Return the newest undamaged checkpoint, and warn about those that are passed over."""
        for path in self._paths():
            try:
                self.compare(path)
            except Damaged as damaged:
                log.warning(f"warning: {damaged}")
            else:
                return path
        return None

    def best(self) -> Path | None:
        """Return the checkpoint with the lowest validation loss; without validation data, the newest."""
        losses = ((mark["losses"].get("validation/loss", math.nan), path) for path, mark in self._marked())
        rated = [(loss, path) for loss, path in losses if math.isfinite(loss)]
        return min(rated)[1] if rated else self.latest()

    def compare(self, path: Path) -> Path:
        """Return a checkpoint's directory. Raise Damaged if a file in it is not as it was saved."""
        remedy = f"delete {path} and run the same command: training resumes from the checkpoint before it"
        if not (path / _MARK).exists():
            raise Damaged(path / _MARK, "missing", remedy)
        mark, sizes = read_guarded(path / _MARK, remedy), _sizes(path)
        for name, size in mark["files"].items():
            if sizes.get(name) != size:
                there = f"{sizes[name]:,} bytes instead of {size:,}" if name in sizes else "missing"
                raise Damaged(path / name, there, remedy)
        for name, digest in mark.get("digests", {}).items():  # an earlier version left none
            if file_digest(path / name) != digest:
                raise Damaged(path / name, "its content has changed", remedy)
        return path

    def losses(self, path: Path) -> dict[str, float]:
        """Return the validation losses at the time the checkpoint was saved."""
        mark = _read(path / _MARK)
        return mark["losses"] if mark else {}

    def step(self, path: Path) -> int:
        return int(path.name.removeprefix("step-"))

    def _paths(self) -> list[Path]:
        return sorted(self.directory.glob("step-*"), reverse=True)

    def _marked(self) -> Iterator[tuple[Path, dict[str, Any]]]:
        for path in self._paths():
            if mark := _read(path / _MARK):
                yield path, mark

    def _prune(self) -> None:
        kept = {*[path for path, _ in self._marked()][: self.keep_last], self.best()}
        for path in self.directory.iterdir():
            if path not in kept:
                shutil.rmtree(path)

    def clear(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


def _sizes(directory: Path) -> dict[str, int]:
    files = (path for path in directory.rglob("*") if path.is_file() and path.name != _MARK)
    return {str(path.relative_to(directory)): path.stat().st_size for path in sorted(files)}


def _digests(directory: Path) -> dict[str, str]:
    """Return the digests of all files. Several are read at a time: ranks write one each."""
    names = list(_sizes(directory))
    with ThreadPoolExecutor(_THREADS) as threads:
        return dict(zip(names, threads.map(file_digest, (directory / name for name in names)), strict=True))


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return read_guarded(path, "")
    except (Damaged, OSError):
        return None
