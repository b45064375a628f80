"""Estimates of how long a training takes: computing, communication between devices, and validation."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ain.model.base import ModelFamily
from ain.model.size import Load, Size, flops
from ain.trainer.settings import TrainerSettings

GB = 1e9


@dataclass(frozen=True)
class Traffic:
    """Bytes that each device sends, and as many that it receives, in collective operations."""

    row: float  # with each forward and backward pass
    step: float  # besides, once a step
    validated: float  # with each row of a validation

    def of_step(self, rows: int) -> float:
        return rows * self.row + self.step


def traffic(trainable: int, total: int, settings: TrainerSettings) -> Traffic:
    """Return the traffic for a number of trained and of all parameters.

    DDP averages float32 gradients, twice their size. ZeRO-1 and ZeRO-2 reduce gradients to their owners and gather the
    updated weights; ZeRO-2 reduces with each row, because no device keeps all gradients. ZeRO-3 gathers the weights for
    each forward and each backward pass and reduces gradients with each row (Section 7 of the ZeRO paper). Under ZeRO,
    bfloat16 training exchanges 2 bytes a value.
    """
    each = 2 if settings.bf16 and settings.zero_stage else 4
    others = 1 - 1 / settings.world_size  # a device's own share stays where it is
    trained, every = trainable * each * others, total * each * others
    return {
        0: Traffic(0, 2 * trained, 0),
        1: Traffic(0, 2 * trained, 0),
        2: Traffic(trained, trained, 0),
        3: Traffic(2 * every + trained, 0, every),
    }[settings.zero_stage]


def lines(
    of: Size, model: ModelFamily, settings: TrainerSettings, load: Load, steps: int, operations: float, held_out: int
) -> Iterator[str]:
    """Yield the estimates. operations: of all steps; held_out: number of samples. Nothing without trainer.how.tflops."""
    world, speed = settings.world_size, settings.interconnect_gb_s
    if not settings.tflops:
        return
    pace = settings.tflops * 1e12 * settings.mfu * world * 3600  # operations an hour
    computing = operations / pace
    yield (
        f"train: estimate of computing: {computing:,.1f} hours on {world} devices of {settings.tflops} TFLOP/s at an MFU "
        f"of {settings.mfu:.0%} ({computing * world:,.0f} device hours)"
    )
    moved = traffic(model.trainable(model.planned()), of.all, settings)
    an_hour = speed * GB * 3600 if speed else math.inf
    step = moved.of_step(settings.accumulate_grad_batches)
    communication = steps * step / an_hour
    if world > 1 and speed:
        yield (
            f"train: estimate of communication: {communication:,.1f} hours; each device sends {step / GB:,.1f} GB a step, "
            f"at {speed:g} GB/s (trainer.how.interconnect_gb_s)"
        )
    elif world > 1:
        yield "train: communication between devices is not estimated; set trainer.how.interconnect_gb_s"
    times = math.ceil(steps / settings.every_n_train_steps)
    read = min(held_out, settings.validation_samples or held_out)
    share = read / max(load.samples, 1)
    forward = flops(of, load, dict.fromkeys(model.frozen, True)) * share
    rows = math.ceil(load.tokens * share / row_tokens(settings, load) / world)
    validation = times * (forward / pace + rows * moved.validated / an_hour)
    if read:
        yield (
            f"train: estimate of validation: {validation:,.1f} hours; {times:,} times {read:,} of {held_out:,} held-out "
            "samples (trainer.validation_samples)"
        )
    yield (
        f"train: estimate in all: {computing + communication + validation:,.1f} hours, if computing does not overlap with "
        "communication; without loading data and saving checkpoints"
    )


def row_tokens(settings: TrainerSettings, load: Load) -> float:
    """Return the tokens of a full packed row, or of a row of `batch_size` samples of average length."""
    return settings.pack_length if settings.packing else settings.batch_size * load.per_sample(load.tokens)
