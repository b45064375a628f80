"""From a config group to a part: a plain object of the class that `_target_` names, with plain arguments."""

import inspect
from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ain import UserError

_SIMPLE: dict[type, tuple[str, tuple[type, ...]]] = {
    int: ("a whole number", (int,)),
    float: ("a number", (int, float)),
    str: ("a text", (str,)),
    bool: ("true or false", (bool,)),
}


def plain(cfg: DictConfig, group: str) -> Any:
    """The group's values, interpolations resolved; a value that is asked for (`???`) and missing is named."""
    node = OmegaConf.select(cfg, group)
    if not OmegaConf.is_config(node):
        return node
    for key in sorted(OmegaConf.missing_keys(node)):
        raise UserError(f"{key} has no value: add {key}=... to the command")
    return OmegaConf.to_container(node, resolve=True)


def over_checkpoints(key: str, node: Any, change: Callable[[str], Any]) -> Any:
    """The same values with each checkpoint's name changed."""
    if isinstance(node, dict):
        return {inner: over_checkpoints(inner, value, change) for inner, value in node.items()}
    return change(node) if key.split(".")[-1] == "checkpoint" and isinstance(node, str) else node


def build(group: str, node: Any) -> Any:
    """The part; keys under `how` are arguments like the others. A group without a class stays as it is."""
    if not isinstance(node, dict):
        return node
    flat = _plain(_typed(group, node))
    return _made(flat) if "_target_" in flat else flat


def _made(flat: dict[str, Any]) -> Any:
    """What a class says of its arguments is said as it stands, not inside Hydra's words."""
    from hydra.errors import InstantiationException
    from hydra.utils import instantiate

    try:
        return instantiate(flat, _convert_="all")
    except InstantiationException as error:
        cause: BaseException | None = error
        while isinstance(cause, InstantiationException):  # one for each part inside a part
            cause = cause.__cause__
        if isinstance(cause, UserError):
            raise cause from None
        raise


Typed = tuple[str, Any]  # a value, and the key as a person types it


def _typed(at: str, node: dict[str, Any]) -> dict[str, Typed]:
    """The arguments of a node. One that its class does not take goes to the part among its arguments that does:
    `translator.how.base_url` is the base_url of the translator's chat model.
    """
    own: dict[str, Typed] = {key: (f"{at}.{key}", value) for key, value in node.items() if key != "how"}
    own |= {key: (f"{at}.how.{key}", value) for key, value in (node.get("how") or {}).items()}
    own = {key: (name, _typed(name, value) if isinstance(value, dict) else value) for key, (name, value) in own.items()}
    taken = _signature(node)
    parts = [
        value for key, (_, value) in own.items() if key in taken and isinstance(value, dict) and "_target_" in value
    ]
    for key in [key for key in own if taken and key not in taken and not key.startswith("_")]:
        if part := next((part for part in parts if key in _signature(_plain(part))), None):
            part.setdefault(key, own.pop(key))
    return own


def _plain(typed: dict[str, Typed]) -> dict[str, Any]:
    """The values alone, each checked against its class."""
    taken = _signature({key: value for key, (_, value) in typed.items()})
    for key, (name, value) in typed.items():
        if key in taken and not isinstance(value, dict):
            _check(name, value, taken[key])
    return {key: _plain(value) if isinstance(value, dict) else value for key, (_, value) in typed.items()}


def _signature(node: dict[str, Any]) -> dict[str, Any]:
    """Argument → annotation, of the class that a node names."""
    if "_target_" not in node:
        return {}
    from hydra.utils import get_object

    target = get_object(node["_target_"])
    try:
        parameters = inspect.signature(target, eval_str=True).parameters
    except NameError:  # an annotation for type checkers alone
        parameters = inspect.signature(target).parameters
    return {name: parameter.annotation for name, parameter in parameters.items()}


def _check(name: str, value: Any, annotation: Any) -> None:
    """A value against an annotation: `source.scenes=abc` is a slip of the hand, not a bug."""
    expected = next(
        (kind for kind in _SIMPLE if annotation == kind or (annotation == kind | None and value is not None)), None
    )
    if expected:
        said, types = _SIMPLE[expected]
        if not isinstance(value, types) or (isinstance(value, bool) and expected is not bool):
            raise UserError(f"{name}={value}: expected {said}")
    elif "Annotated" in repr(annotation) or "Literal" in repr(annotation):
        from pydantic import TypeAdapter, ValidationError

        try:
            TypeAdapter(annotation).validate_python(value)
        except ValidationError as error:
            raise UserError(f"{name}={value}: {error.errors()[0]['msg']}") from None
