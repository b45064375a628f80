"""Build objects from config groups: the class that `_target_` names, called with plain arguments.

If it names a function, the object is that function with its keyword-only arguments.
"""

import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from ain import UserError
from ain.pipeline.values import Values, checked


def plain(cfg: DictConfig, group: str) -> Any:
    """Return the group's values with interpolations resolved. Raise UserError for a missing required value (`???`)."""
    node = OmegaConf.select(cfg, group)
    if not OmegaConf.is_config(node):
        return node
    for key in sorted(OmegaConf.missing_keys(node)):
        raise UserError(f"{key} has no value: add {key}=... to the command")
    return OmegaConf.to_container(node, resolve=True)


def build(values: Any) -> Any:
    """Build the object of checked values, nested objects first. Values without a class stay as they are."""
    if isinstance(values, Values):
        made = get_object(values.target)
        arguments = {name: build(value) for name, value in values.arguments.items()}
        return made(**arguments) if inspect.isclass(made) else partial(made, **arguments)
    if isinstance(values, dict):
        return {name: build(value) for name, value in values.items()}
    return [build(value) for value in values] if isinstance(values, list) else values


def component(cfg: DictConfig, group: str) -> Any:
    """Check the values of a config group and build its object."""
    return build(checked(group, plain(cfg, group)))


def over_checkpoints(group: str, values: Any, change: Callable[[str], Any]) -> Any:
    """Return a group's values with `change` applied to the name of each checkpoint."""
    if isinstance(values, Values):
        return replace(
            values,
            shaping=over_checkpoints(group, values.shaping, change),
            how=over_checkpoints(group, values.how, change),
        )
    if isinstance(values, dict):
        return {name: over_checkpoints(name, value, change) for name, value in values.items()}
    return change(values) if group.split(".")[-1] == "checkpoint" and isinstance(values, str) else values
