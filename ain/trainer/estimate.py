"""Estimates before a long run: parameters, memory per GPU, steps, operations; and what to change if it won't fit."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ain.model.base import ModelFamily
from ain.model.size import Load, Size, activations, flops
from ain.trainer import hours
from ain.trainer.hours import GB
from ain.trainer.settings import STRATEGIES, Strategy, TrainerSettings

OVERHEAD = 4 * GB  # CUDA's context, communication buffers, fragmentation


@dataclass(frozen=True)
class Memory:
    """Bytes on each GPU."""

    parameters: float
    gradients: float
    optimizer: float
    activations: float  # including the device's own overhead
    host: float = 0.0  # offloaded to the host's memory, per rank

    @property
    def total(self) -> float:
        return self.parameters + self.gradients + self.optimizer + self.activations


def memory(trainable: int, total: int, settings: TrainerSettings, strategy: Strategy, row: float) -> Memory:
    """Return the memory that a strategy needs on each GPU.

    ZeRO divides what it shards by the number of ranks (1: optimizer, 2: also gradients, 3: also parameters). In
    bfloat16 a parameter takes 2 bytes, its gradient 2, and the optimizer's float32 copy, mean and variance 12. DDP with
    mixed precision keeps weights and gradients in float32, and the optimizer takes 8.
    """
    stage = STRATEGIES.index(strategy)
    world, bf16 = settings.world_size, settings.bf16
    weight, moments = (2, 12) if bf16 and stage else (4, 8)
    parameters, gradients, optimizer = float(weight * total), float(weight * trainable), float(moments * trainable)
    optimizer /= world if stage >= 1 else 1
    gradients /= world if stage >= 2 else 1
    if stage == 3:
        live = min(total, int(settings.zero.get("stage3_max_live_parameters", 1e9)))
        parameters = parameters / world + (weight * live if world > 1 else 0)
    host = 0.0
    if settings.offload_optimizer and stage:
        host, optimizer = host + optimizer, 0.0
    if settings.offload_parameters and stage == 3:
        host, parameters = host + weight * total / world, parameters - weight * total / world
    return Memory(parameters, gradients, optimizer, row + (0 if settings.accelerator == "cpu" else OVERHEAD), host)


def lines(model: ModelFamily, settings: TrainerSettings, load: Load | None, held_out: int = 0) -> Iterator[str]:
    """Yield the estimate as lines of text.

    load: totals of the tokenized samples, or assumed ones; None if unknown. held_out: samples for validation.
    """
    config = model.planned()
    if config is None:
        small = "is trained first, and is too small to plan for"
        unknown = "has a size that is not known here; set model.checkpoint to a local directory to plan it"
        yield f"train: {model.checkpoint} {small if model.checkpoint.startswith('miniature:') else unknown}"
        return
    of, trainable = model.size(config), model.trainable(config)
    yield (
        f"train: {of.all / 1e6:,.1f}M parameters (vision {of.vision / 1e6:,.1f}M, projector {of.projector / 1e6:,.1f}M, "
        f"language {(of.language + of.embedding + of.head) / 1e6:,.1f}M), {trainable / 1e6:,.1f}M of them trained"
    )
    if load is not None:
        yield from _work(of, model, settings, load, held_out)
    else:
        yield "train: for steps and hours run ain tokenize first, or give samples and tokens: all four of trainer.how.assume"
    yield from _memories(of, trainable, model, settings, load)


def _work(of: Size, model: ModelFamily, settings: TrainerSettings, load: Load, held_out: int) -> Iterator[str]:
    tokens, world, row = load.per_sample(load.tokens), settings.world_size, hours.row_tokens(settings, load)
    rows = math.ceil(load.tokens / row) * (settings.max_epochs or 1)
    step = row * settings.accumulate_grad_batches * world  # tokens
    steps = settings.max_steps or math.ceil(rows / (settings.accumulate_grad_batches * world))
    share = steps * step / load.tokens
    operations = flops(of, load, model.frozen, bool(model.lora)) * share
    yield (
        f"train: {load.samples:,} samples of {tokens:,.0f} tokens on average; {steps:,} steps of "
        f"{step / tokens:,.0f} samples ({step:,.0f} tokens); "
        f"{load.tokens * share:,.3g} tokens, {operations:,.3g} floating-point operations"
    )
    yield from hours.lines(of, model, settings, load, steps, operations, held_out)


def _memories(
    of: Size, trainable: int, model: ModelFamily, settings: TrainerSettings, load: Load | None
) -> Iterator[str]:
    """Yield a table of all strategies with the chosen one marked, and advice if that one does not fit."""
    load = load or Load(1, model.processor.max_length, model.processor.max_length // 4, model.processor.max_length // 2)
    row = settings.pack_length if settings.packing else settings.batch_size * model.processor.max_length
    limit = settings.memory_gb
    heads = ("strategy", "parameters", "gradients", "optimizer", "activations", "in all", "on the host")
    sized = f" of {limit} GB" if limit else ""
    yield f"train: GB on each of {settings.world_size} devices{sized}, with rows of up to {row:,.0f} tokens:"
    yield "  ".join(f"{head:>11}" for head in heads)

    def taken(settings: TrainerSettings, strategy: Strategy, checkpointing: bool) -> Memory:
        held = activations(of, load, row, checkpointing, 2 if settings.bf16 else 4)
        # Under autocast each layer keeps a bfloat16 copy of its weights for its backward pass, unless it is recomputed.
        copies = 2 * of.all if strategy == "ddp" and settings.bf16 and not checkpointing else 0
        return memory(trainable, of.all, settings, strategy, held + copies)

    for strategy in STRATEGIES:
        of_it = taken(settings, strategy, model.gradient_checkpointing)
        cells = (of_it.parameters, of_it.gradients, of_it.optimizer, of_it.activations, of_it.total, of_it.host)
        mark = " <- chosen" if strategy == settings.strategy else ""
        over = " (does not fit)" if limit and of_it.total > limit * GB else ""
        yield "  ".join([f"{strategy:>11}", *(f"{cell / GB:>11.1f}" for cell in cells)]) + over + mark
    if limit and taken(settings, settings.strategy, model.gradient_checkpointing).total > limit * GB:
        fitting = (
            words
            for words, (changed, strategy, checkpointing) in _remedies(settings, model.gradient_checkpointing).items()
            if taken(changed, strategy, checkpointing).total <= limit * GB
        )
        otherwise = "take more devices, shorter rows (trainer.pack_length), a smaller model, or model.lora"
        advice = next((f"set {words}" for words in fitting), otherwise)
        yield f"train: this does not fit into {limit} GB; {advice}"


def _remedies(settings: TrainerSettings, checkpointing: bool) -> dict[str, tuple[TrainerSettings, Strategy, bool]]:
    """Return the overrides to type, each with the resulting settings; the mildest remedy first."""
    anew = "model.gradient_checkpointing=true"
    made = {} if checkpointing else {anew: (settings, settings.strategy, True)}
    for on, words in ((checkpointing, ""), *(() if checkpointing else ((True, f" {anew}"),))):
        made |= {f"trainer.strategy={name}{words}": (settings, name, on) for name in STRATEGIES[1:]}
        away = replace(settings, strategy="zero3", offload_optimizer=True)
        made[f"trainer.strategy=zero3 trainer.offload_optimizer=true{words}"] = (away, "zero3", on)
    return made
