"""One rank's part in a training, from the packed samples to the last checkpoint."""

import logging
import random
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException

from ain import UserError, ranks
from ain.model.packed import Batch, packed
from ain.model.qwen2_vl import Qwen2VL
from ain.model.samples import Samples
from ain.model.size import Load, flops, size
from ain.stage import read_manifest
from ain.trainer import live
from ain.trainer.answers import Answers
from ain.trainer.checkpoints import Checkpoints
from ain.trainer.loader import Rows, loader
from ain.trainer.plan import Plan
from ain.trainer.strategy import strategy
from ain.trainer.validation import Validation
from ain.trainer.watch import Watch


@dataclass(frozen=True)
class Fit:
    """All that a rank needs; it travels to the processes that are started for it."""

    pack: Path
    model: Qwen2VL
    objective: Callable[..., Any]
    trainer: dict[str, Any]
    tracker: dict[str, Any]
    seed: int
    out: Path

    @property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.out / "checkpoints", self.trainer["keep_last"])

    def witness(self) -> Batch:
        """The batch by which a model is known again: the first sample alone."""
        _, tokens, pictures = Samples(self.pack, "train")[0]
        return packed([tokens], [pictures], self.model.processor)


def fit(work: Fit) -> None:
    """Trains to the plan's last step and leaves a checkpoint there; goes on from the newest one that is whole."""
    world, rank = ranks.world_size(), ranks.rank()
    _quiet()
    samples = Samples(work.pack, "train")
    if not len(samples):
        raise UserError(f"no sample is left to train on; why: {work.pack / 'rejected'}")
    plan = Plan(samples.lengths, samples.answers, work.trainer, work.seed, world)
    checkpoints = work.checkpoints
    newest = checkpoints.latest()
    start = checkpoints.step(newest) if newest else 0
    if start == plan.steps:
        return
    _seed(work.seed)
    gpu = work.trainer["accelerator"] == "gpu"
    module = work.objective(
        model=work.model.load(gpu, half=work.trainer["precision"] != "32-true", say=rank == 0).train(), steps=plan.steps
    )
    rows = Rows(samples, plan, work.model.processor, rank)
    logger = live.logger(work.tracker, work.out, rank)
    try:
        _trainer(work, module.model, plan, logger).fit(
            module,
            loader(rows, work.trainer["workers"], start * plan.accumulate),
            ckpt_path=newest / "state" if newest else None,
            weights_only=False,
        )
    except SIGTERMException:
        raise UserError("stopped by a signal; the same command goes on from the last checkpoint") from None
    finally:
        live.finish(logger)


def _quiet() -> None:
    """Libraries' talk that is of no use to anyone here."""
    for name in ("pytorch_lightning", "lightning_fabric", "DeepSpeed"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for noise in (
        "does not have many workers",
        "LeafSpec",
        "resuming from a checkpoint",
        "is deprecated",
        "litlogger",
        "weights_only",
    ):
        warnings.filterwarnings("ignore", message=f".*{noise}.*")


def _trainer(work: Fit, model: Any, plan: Plan, logger: Any) -> pl.Trainer:
    settings, validation = work.trainer, Samples(work.pack, "validation")
    capacity = plan.rows_per_step * plan.row_tokens if plan.packing else 0
    peak = settings["tflops"] * 1e12 * plan.world_size if settings["tflops"] else None
    watch = Watch(work.out / "history.jsonl", capacity, _flops_per_token(work, model), peak)
    answers = Answers(validation, work.model.processor, settings["show"], work.out / "tables" / "answers.csv")
    held_out = Validation(validation, work.model.processor, settings, plan.world_size, ranks.rank())
    return pl.Trainer(
        accelerator=settings["accelerator"],
        strategy=strategy(settings),
        devices=settings["devices"],
        num_nodes=settings["num_nodes"],
        precision=settings["precision"],
        max_steps=plan.steps,
        max_epochs=1,  # the plan holds all epochs
        accumulate_grad_batches=plan.accumulate,
        gradient_clip_val=settings["clip"],
        limit_val_batches=0,
        logger=logger or False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        use_distributed_sampler=False,
        callbacks=[
            Reseed(work.seed),
            watch,
            Pause(watch, work.checkpoints, held_out, answers, settings["checkpoint_every"], work.witness()),
        ],
        default_root_dir=str(work.out),
    )


def _flops_per_token(work: Fit, model: Any) -> float:
    load = Load.of(read_manifest(work.pack)["counts"])
    return flops(size(model.config), load, work.model.frozen, bool(work.model.lora)) / load.tokens


class Reseed(pl.Callback):
    """Random numbers of each batch follow from seed, batch and rank, so that there is no state to save or to restore."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: pl.Trainer, module: Any, batch: Any, index: int) -> None:
        _seed(np.random.SeedSequence([self.seed, index, trainer.global_rank]).generate_state(1)[0].item())


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


class Pause(pl.Callback):
    """Each so many steps and at the end: the loss on validation data, a few answers, and a checkpoint."""

    def __init__(
        self,
        watch: Watch,
        checkpoints: Checkpoints,
        validation: Validation,
        answers: Answers,
        every: int,
        sample: Batch,
    ) -> None:
        self.watch, self.checkpoints, self.validation, self.answers = watch, checkpoints, validation, answers
        self.every, self.sample = every, sample
        self.done = 0

    def on_train_start(self, trainer: pl.Trainer, module: Any) -> None:
        self.done = trainer.global_step

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, batch: Any, index: int) -> None:
        step = trainer.global_step
        if step == self.done or (step % self.every and step != trainer.max_steps):
            return
        self.done = step
        losses = self.validation.loss(module)
        answers = self.answers.add(module, step)
        if trainer.logger is not None:
            trainer.logger.log_metrics(losses, step=step)
            live.table(trainer.logger, "train/answers", answers, step)
        self.checkpoints.save(trainer, losses, self._witness(module))
        self.watch.clock()

    def _witness(self, module: Any) -> torch.Tensor:
        """Logits of the first sample's answers: the exported model must give the same."""
        precision, strategy = module.trainer.precision_plugin, module.trainer.strategy
        batch = strategy.batch_to_device(precision.convert_input(self.sample))
        module.eval()
        with torch.no_grad(), precision.val_step_context():
            logits, _ = module.logits(batch)
        module.train()
        return logits.cpu()
