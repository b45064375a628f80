"""Slips of the hand in the config group `trainer`, said before hours of work. No library is loaded for it."""

from importlib.util import find_spec
from typing import Any

from ain import UserError

CHOICES = {
    "accelerator": ("auto", "cpu", "gpu"),
    "strategy": ("ddp", "zero1", "zero2", "zero3"),
    "precision": ("auto", "32-true", "bf16-mixed"),
    "export": ("last", "best"),
}


def check(trainer: dict[str, Any]) -> None:
    """The group as composed: keys of `how` may stand there, and `auto` is not decided yet."""
    trainer = {**trainer, **trainer.get("how", {})}
    for key in ("devices", "num_nodes", "accumulate", "row_tokens", "batch_size", "checkpoint_every", "keep_last"):
        if not isinstance(trainer[key], int) or trainer[key] < 1:
            raise UserError(f"trainer.{key}={trainer[key]}: expected a whole number from 1 on")
    for key in ("show", "workers"):
        if not isinstance(trainer[key], int) or trainer[key] < 0:
            raise UserError(f"trainer.{key}={trainer[key]}: expected a whole number from 0 on")
    for key in ("max_epochs", "max_steps"):
        if trainer[key] is not None and (not isinstance(trainer[key], int) or trainer[key] < 1):
            raise UserError(f"trainer.{key}={trainer[key]}: expected a whole number from 1 on, or null")
    if not trainer["max_epochs"] and not trainer["max_steps"]:
        raise UserError("give trainer.max_epochs or trainer.max_steps")
    for key, choices in CHOICES.items():
        if trainer[key] not in choices:
            raise UserError(f"trainer.{key}={trainer[key]}: choose one of {', '.join(choices)}")
    if trainer["strategy"] != "ddp" and find_spec("deepspeed") is None:
        raise UserError(
            f"trainer.strategy={trainer['strategy']}: DeepSpeed is not installed; pip install 'ain[deepspeed]'"
        )
    stage = int(trainer["strategy"].removeprefix("zero")) if trainer["strategy"] != "ddp" else 0
    for what, least in (("optimizer", 1), ("parameters", 3)):
        if trainer[f"offload_{what}"] and stage < least:
            raise UserError(f"trainer.offload_{what}=true goes with ZeRO-{least} or higher; say trainer.strategy=zero3")
