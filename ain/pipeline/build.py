"""From a config group to a part: a plain object of the class that `_target_` names, with plain arguments."""

import inspect
from collections.abc import Callable
from functools import reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from omegaconf import DictConfig, OmegaConf
from pydantic import TypeAdapter, ValidationError

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
    flat = _flat(node)
    _check(group, flat)
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


def _flat(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    return {key: _flat(value) for key, value in node.items() if key != "how"} | (node.get("how") or {})


def _check(group: str, node: Any) -> None:
    """Values of simple types against the class's annotations: `source.scenes=abc` is a slip of the hand, not a bug."""
    if not isinstance(node, dict) or "_target_" not in node:
        return
    from hydra.utils import get_object

    parameters = inspect.signature(get_object(node["_target_"])).parameters
    open_ended = any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in parameters.values())
    for key, value in node.items():
        if key not in parameters and not key.startswith("_") and not open_ended:
            raise UserError(f"{group}.{key}: no such key; choose among {', '.join(parameters)}")
        expected = _bare(parameters[key].annotation) if key in parameters else None
        expected = next(
            (kind for kind in _SIMPLE if expected == kind or (expected == kind | None and value is not None)), None
        )
        if expected:
            name, types = _SIMPLE[expected]
            if not isinstance(value, types) or (isinstance(value, bool) and expected is not bool):
                raise UserError(f"{group}.{key}={value}: expected {name}")
        if key in parameters:
            _check_range(f"{group}.{key}", value, parameters[key].annotation)
        _check(f"{group}.{key}", value)


def _bare(annotation: Any) -> Any:
    """The type without its range: int | None of Annotated[int, ...] | None."""
    if isinstance(annotation, UnionType) or get_origin(annotation) is Union:
        return reduce(or_, [_bare(part) for part in get_args(annotation)])
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _check_range(key: str, value: Any, annotation: Any) -> None:
    """Ranges and choices, where an annotation names them."""
    if not any(word in str(annotation) for word in ("Annotated", "Literal")):
        return
    try:
        TypeAdapter(annotation).validate_python(value, strict=not isinstance(value, dict))
    except ValidationError as error:
        first = error.errors()[0]
        inner = "".join(f".{part}" for part in first["loc"] if isinstance(part, str) and part in str(value))
        raise UserError(f"{key}{inner}={first['input']}: {first['msg']}") from None
