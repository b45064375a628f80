"""Train: supervised fine-tuning with Lightning, then a checkpoint that was reloaded and compared before it counts (Section 3)."""

import json
import math
import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from ain import UserError
from ain.model.qwen2_vl import Qwen2VL
from ain.model.samples import Samples
from ain.progress import progress
from ain.record import replace_text
from ain.stage import read_manifest
from ain.stages.model_card import model_card
from ain.tables import write_table


def train(
    pack: Path, model: Qwen2VL, objective: Callable[..., Any], trainer: dict[str, Any], seed: int, out: Path
) -> dict[str, Any]:
    pl.seed_everything(seed, workers=True, verbose=False)
    samples = {split: Samples(pack, split) for split in ("train", "validation")}
    steps = _steps(len(samples["train"]), trainer)
    module = objective(model=model.load().train(), steps=steps)
    history = History()
    fitter = pl.Trainer(
        accelerator=_accelerator(trainer["accelerator"]),
        devices=1,
        precision=trainer["precision"],
        max_steps=steps,
        accumulate_grad_batches=trainer["accumulate"],
        gradient_clip_val=trainer["clip"],
        limit_val_batches=1.0 if len(samples["validation"]) else 0,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        callbacks=[history],
        default_root_dir=str(out),
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")
        fitter.fit(
            module,
            _loader(samples["train"], model, trainer, seed),
            _loader(samples["validation"], model, trainer, None),
        )
    write_table(out / "tables" / "loss.csv", history.rows)
    counts = {
        "samples": len(samples["train"]),
        "validation": len(samples["validation"]),
        "steps": steps,
        **history.last(),
    }
    _export(module.model, model, pack, counts, out)
    return counts


def _steps(samples: int, trainer: dict[str, Any]) -> int:
    """Optimizer steps: max_steps where it is set, else max_epochs over all samples."""
    if trainer["max_steps"]:
        return int(trainer["max_steps"])
    return max(1, math.ceil(samples / (trainer["batch_size"] * trainer["accumulate"])) * trainer["max_epochs"])


def _accelerator(name: str) -> str:
    if name == "gpu" and not torch.cuda.is_available():
        raise UserError("trainer=gpu: no GPU is visible here; say trainer=cpu, or run where there is one")
    return name


def _loader(samples: Samples, model: Qwen2VL, trainer: dict[str, Any], shuffle: int | None) -> Any:
    """Batches in an order that the seed alone decides; validation (no seed) goes in file order."""

    def collate(rows: list[Any]) -> dict[str, torch.Tensor]:
        return model.processor.collate(
            [tokens for _, tokens, _ in rows], [image for _, _, images in rows for image in images]
        )

    order = torch.Generator().manual_seed(shuffle) if shuffle is not None else None
    return DataLoader(
        samples,  # type: ignore[arg-type]
        batch_size=trainer["batch_size"],
        shuffle=shuffle is not None,
        generator=order,
        collate_fn=collate,
        num_workers=trainer["workers"],
        persistent_workers=trainer["workers"] > 0,
    )


class History(pl.Callback):
    """Loss and learning rate of each step; a loss that is no number ends the run at once."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.losses: list[float] = []  # of the batches that make the next step
        self.validation: float | None = None

    def on_train_start(self, trainer: pl.Trainer, module: Any) -> None:
        self.bar = progress("train", total=trainer.max_steps, unit="step")

    def on_train_end(self, trainer: pl.Trainer, module: Any) -> None:
        self.bar.close()

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        loss = float(outputs["loss"]) * trainer.accumulate_grad_batches
        if not math.isfinite(loss):
            raise UserError(
                f"the loss is {loss} at step {trainer.global_step}; lower objective.learning_rate, or look for broken records"
            )
        self.losses.append(loss)
        if trainer.global_step == self.bar.n:  # still accumulating
            return
        mean, self.losses = sum(self.losses) / len(self.losses), []
        self.bar.update(trainer.global_step - self.bar.n)
        self.bar.set_postfix(loss=f"{mean:.3f}", refresh=False)
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        self.rows.append({"step": trainer.global_step, "loss": round(mean, 5), "learning_rate": rate})

    def on_validation_end(self, trainer: pl.Trainer, module: Any) -> None:
        if "validation/loss" in trainer.callback_metrics and not trainer.sanity_checking:
            self.validation = round(float(trainer.callback_metrics["validation/loss"]), 5)

    def last(self) -> dict[str, float | None]:
        """The mean loss of the last tenth of the steps, and the last validation loss."""
        tail = self.rows[-max(1, len(self.rows) // 10) :]
        return {"loss": round(sum(row["loss"] for row in tail) / len(tail), 5), "validation_loss": self.validation}


def _export(trained: Any, model: Qwen2VL, pack: Path, counts: dict[str, Any], out: Path) -> None:
    """`checkpoint/`, whole or not at all: written beside, reloaded, compared, and only then given its name."""
    beside, final = out / "checkpoint.new", out / "checkpoint"
    for directory in (beside, final):
        shutil.rmtree(directory, ignore_errors=True)
    beside.mkdir()
    model.export(trained, beside)
    replace_text(beside / "README.md", model_card(model.checkpoint, read_manifest(pack), counts))
    replace_text(beside / "data_manifest.json", json.dumps(read_manifest(pack), indent=2, ensure_ascii=False))
    _compare(trained, model.reload(beside), Samples(pack, "train"), model)
    os.replace(beside, final)


def _compare(trained: Any, reloaded: Any, samples: Samples, model: Qwen2VL) -> None:
    _, tokens, images = samples[0]
    batch = {name: tensor.to(trained.device) for name, tensor in model.processor.collate([tokens], images).items()}
    with torch.no_grad():
        one, other = trained.eval()(**batch).logits, reloaded.to(trained.device).eval()(**batch).logits
    if not torch.equal(one, other):
        raise RuntimeError(
            f"the exported checkpoint answers differently: logits differ by {(one - other).abs().max():.2g}"
        )
