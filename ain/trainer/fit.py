"""Training on one rank, from the tokenized samples to the last checkpoint."""

import logging
import random
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.exceptions import SIGTERMException

from ain import UserError
from ain.model.samples import Samples
from ain.model.size import Load, flops
from ain.runtime import device, distributed
from ain.runtime.console import log
from ain.storage.manifest import read_manifest
from ain.trainer.answers import Answers
from ain.trainer.history import HISTORY, VALIDATION, History
from ain.trainer.loader import Rows, loader
from ain.trainer.plan import Plan
from ain.trainer.settings import TrainerSettings
from ain.trainer.strategy import strategy
from ain.trainer.training import Training
from ain.trainer.validation import Validation
from ain.trainer.watch import Watch


def fit(training: Training) -> None:
    """Train to the plan's last step and save a checkpoint there; resume from the newest complete one."""
    world, rank = distributed.world_size(), distributed.rank()
    _quiet()
    samples = Samples(training.samples, "train")
    if not len(samples):
        raise UserError(f"no sample is left to train on; why: {training.samples / 'rejected'}")
    plan = Plan(samples.lengths, samples.answers, training.settings, training.seed, world)
    checkpoints = training.checkpoints
    found = distributed.on_first_rank("checkpoint", lambda: str(checkpoints.intact() or ""))
    newest = Path(found) if found else None
    start = checkpoints.step(newest) if newest else 0
    if start == plan.steps:
        return
    if newest and training.settings.zero_stage:
        checkpoints.refuse_others(newest)
    if rank == 0:
        _say(training, plan, len(samples), start)
    _seed(training.seed)
    gpu = training.settings.accelerator == "gpu"
    training.model.check(gpu, training.settings.bf16, training.settings.shared_rows)
    model = training.model.load(gpu, training.settings.bf16, say=rank == 0)
    module = training.objective.module(model.train(), training.model, plan.steps)
    rows = Rows(samples, plan, training.model.processor, rank)
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        _trainer(training, module.model, plan).fit(
            module,
            loader(rows, training.settings.num_workers, start * plan.accumulate),
            ckpt_path=newest / "state" if newest else None,
            weights_only=not training.settings.zero_stage,  # DeepSpeed's state holds classes of its own
        )
    except SIGTERMException:
        raise UserError("stopped by a signal; run the same command to resume from the last checkpoint") from None
    except SystemExit:  # Lightning turns Ctrl-C into this
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, interrupt)


def _say(training: Training, plan: Plan, samples: int, start: int) -> None:
    """Log how long the run is, which depends on rows and ranks as well as on epochs."""
    shape = f"{plan.pack_length:,} tokens" if plan.packing else f"{plan.batch_size} samples"
    log.info(
        f"{samples:,} samples, {plan.steps:,} steps of {plan.rows_per_step} rows of up to {shape}"
        + (f"; resuming from step {start:,}" if start else "")
    )
    held_out, read = len(Samples(training.samples, "validation")), len(training.validation())
    if not start and not held_out:
        log.info("no sample is held out, so loss is measured on trained ones alone")
    if read < held_out:
        log.info(
            f"each validation reads {read:,} of {held_out:,} held-out samples, the same every time; "
            "trainer.validation_samples=null reads all"
        )


def _quiet() -> None:
    """Silence library messages that do not help the user."""
    for name in ("pytorch_lightning", "lightning_fabric", "DeepSpeed"):
        logging.getLogger(name).setLevel(logging.ERROR)
    for noise in (
        "does not have many workers",
        "LeafSpec",
        "resuming from a checkpoint",
        "is deprecated",
        "litlogger",
        "weights_only",
        "will not actually clip gradients",
        "smaller than the logging interval",
    ):
        warnings.filterwarnings("ignore", message=f".*{noise}.*")


def _trainer(training: Training, model: Any, plan: Plan) -> pl.Trainer:
    settings, validation = training.settings, training.validation()
    capacity = plan.rows_per_step * plan.pack_length if plan.packing else 0
    watch = Watch(training.out / HISTORY, capacity, _flops_per_token(training, model), _peak(settings, plan.world_size))
    answers = Answers(validation, training.model, settings.sample_answers, training.out / "tables" / "answers.csv")
    held_out = Validation(validation, training.model.processor, settings, plan.world_size, distributed.rank())
    return pl.Trainer(
        accelerator=settings.accelerator,
        strategy=strategy(settings),
        devices=settings.devices,
        num_nodes=settings.num_nodes,
        precision=settings.precision,  # type: ignore[arg-type]
        max_steps=plan.steps,
        max_epochs=1,  # the plan contains all epochs
        accumulate_grad_batches=plan.accumulate,
        gradient_clip_val=settings.gradient_clip_val,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        use_distributed_sampler=False,
        callbacks=[
            Reseed(training.seed),
            watch,
            Pause(training, watch, held_out, answers),
        ],
        default_root_dir=str(training.out),
    )


def _peak(settings: TrainerSettings, world_size: int) -> float | None:
    """Return the peak floating-point operations per second of all devices together; None on a CPU or if unknown."""
    if settings.accelerator != "gpu":
        return None
    tflops = device.tflops(torch.cuda.get_device_name()) or settings.tflops
    return tflops * 1e12 * world_size if tflops else None


def _flops_per_token(training: Training, model: Any) -> float:
    load = Load.of(read_manifest(training.samples)["counts"])
    return (
        flops(training.model.size(model.config), load, training.model.frozen, bool(training.model.lora)) / load.tokens
    )


class Reseed(pl.Callback):
    """Derive each batch's random numbers from seed, batch and rank, so that no random state is saved or restored."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: pl.Trainer, module: Any, batch: Any, index: int) -> None:
        _seed(np.random.SeedSequence([self.seed, index, trainer.global_rank]).generate_state(1)[0].item())


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


class Pause(pl.Callback):
    """Every `every_n_train_steps` steps and at the end: measure validation loss, generate answers, save a checkpoint."""

    def __init__(self, training: Training, watch: Watch, validation: Validation, answers: Answers) -> None:
        self.training, self.watch, self.validation, self.answers = training, watch, validation, answers
        self.sample = training.parity_batch()
        self.done = 0

    def on_train_start(self, trainer: pl.Trainer, module: Any) -> None:
        self.done = trainer.global_step
        if trainer.is_global_zero:
            self.history = History(self.training.out / VALIDATION, self.done)

    def on_train_batch_end(self, trainer: pl.Trainer, module: Any, outputs: Any, batch: Any, index: int) -> None:
        step = trainer.global_step
        if step == self.done or (step % self.training.settings.every_n_train_steps and step != trainer.max_steps):
            return
        self.done = step
        losses = self.validation.loss(module)
        self.answers.add(module, step)
        if trainer.is_global_zero:
            self.history.add({"step": step, **losses})
        self.training.checkpoints.save(trainer, losses, self._parity(module))
        self.watch.clock()

    def _parity(self, module: Any) -> torch.Tensor:
        """Return the logits of the first sample's answers; the exported model must give the same."""
        precision, strategy = module.trainer.precision_plugin, module.trainer.strategy
        batch = strategy.batch_to_device(precision.convert_input(self.sample))
        module.eval()
        with torch.no_grad(), precision.val_step_context():
            logits, _ = module.logits(batch)
        module.train()
        return logits.cpu()
