"""From a config group to an object: of the class that `_target_` names, with plain arguments."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from ain import UserError
from ain.pipeline.values import Values, checked


def plain(cfg: DictConfig, group: str) -> Any:
    """The group's values, interpolations resolved; a value that is asked for (`???`) and missing is named."""
    node = OmegaConf.select(cfg, group)
    if not OmegaConf.is_config(node):
        return node
    for key in sorted(OmegaConf.missing_keys(node)):
        raise UserError(f"{key} has no value: add {key}=... to the command")
    return OmegaConf.to_container(node, resolve=True)


def build(values: Any) -> Any:
    """The object of checked values, those inside it first; values without a class as they are."""
    if isinstance(values, Values):
        made = get_object(values.target)
        arguments = {name: build(value) for name, value in values.arguments.items()}
        return partial(made, **arguments) if values.partial else made(**arguments)
    if isinstance(values, dict):
        return {name: build(value) for name, value in values.items()}
    return [build(value) for value in values] if isinstance(values, list) else values


def component(cfg: DictConfig, group: str) -> Any:
    """What a config group stands for: its values, checked and built."""
    return build(checked(group, plain(cfg, group)))


def over_checkpoints(group: str, values: Any, change: Callable[[str], Any]) -> Any:
    """A group's values with each checkpoint's name changed."""
    if isinstance(values, Values):
        return replace(
            values,
            shaping=over_checkpoints(group, values.shaping, change),
            how=over_checkpoints(group, values.how, change),
        )
    if isinstance(values, dict):
        return {name: over_checkpoints(name, value, change) for name, value in values.items()}
    return change(values) if group.split(".")[-1] == "checkpoint" and isinstance(values, str) else values
