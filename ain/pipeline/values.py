"""Check a config's values against the signature of their class, with a clear message for each that does not fit.

`how:` holds the arguments that do not affect the result (devices, rates); they are arguments like the others. Arguments
that a config does not name get the class's defaults, so effective values are complete.
"""

import inspect
import json
import typing
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any

from hydra.utils import get_object
from pydantic import PydanticSchemaGenerationError, PydanticUserError, TypeAdapter, ValidationError

from ain import UserError

_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_RESERVED = ("_target_", "how")
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text",
    "list": "a list",
    "tuple": "a list",
    "dict": "settings of its own",
    "literal": "one of {expected}",
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "finite_number": "a finite number",
}


@dataclass(frozen=True)
class Values:
    """The effective values of one node. `shaping` and `how` together are all arguments; nested nodes are `Values`."""

    target: str
    shaping: dict[str, Any] = field(default_factory=dict)
    how: dict[str, Any] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, Any]:
        return self.shaping | self.how


def checked(key: str, node: Any, typed: dict[str, str] | None = None) -> Any:
    """Return `Values` for a node with a class (`_target_`), anything else as it is.

    Raise UserError, naming the key as typed, for what the class does not take. typed: argument → key, for arguments
    that were passed down from the enclosing node.
    """
    if isinstance(node, list):
        return [checked(f"{key}.{i}", value) for i, value in enumerate(node)]
    if not isinstance(node, dict):
        return node
    how = dict(node.get("how") or {})
    given = {name: value for name, value in node.items() if name not in _RESERVED}
    if "_target_" not in node:
        return {name: checked(f"{key}.{name}", value) for name, value in (given | how).items()}
    target = node["_target_"]
    keys = {name: f"{key}.{name}" for name in given} | {name: f"{key}.how.{name}" for name in how} | (typed or {})
    handed = _hand_down(target, given, how, keys)
    arguments = signature(target)
    for name in given | how:
        if name not in arguments:
            raise UserError(f"{keys[name]}: there is no such setting; choose among {', '.join(sorted(arguments))}")
    made = {
        name: value_of(keys[name], arguments[name], value, handed.get(name)) for name, value in (given | how).items()
    }
    for name, argument in arguments.items():
        if name not in made and argument.required:
            raise UserError(f"{key}.{name} has no value: add {key}.{name}=... to the command")
    defaults = {name: _plain(one.default) for name, one in arguments.items() if not one.required and name not in made}
    shaping = defaults | {name: value for name, value in made.items() if name not in how}
    return Values(target, shaping, {name: made[name] for name in how})


def _hand_down(
    target: str, given: dict[str, Any], how: dict[str, Any], keys: dict[str, str]
) -> dict[str, dict[str, str]]:
    """Pass arguments that a class does not take down to the nested node that does: `translator.how.base_url` is the
    base_url of the translator's language model. Return, for each such node, its arguments' keys as typed."""
    own = signature(target)
    inner = [name for name, value in given.items() if name in own and isinstance(value, dict) and "_target_" in value]
    handed: dict[str, dict[str, str]] = {}
    for source in (given, how):
        for name in [name for name in source if name not in own]:
            taker = next((node for node in inner if name in signature(given[node]["_target_"])), None)
            if taker is None:
                continue
            value, node = source.pop(name), dict(given[taker])
            if name not in node and name not in (node.get("how") or {}):
                node |= {name: value} if source is given else {"how": {**(node.get("how") or {}), name: value}}
                handed.setdefault(taker, {})[name] = keys[name]
            given[taker] = node
    return handed


@dataclass(frozen=True)
class Argument:
    """One argument of a class."""

    annotation: Any
    required: bool
    default: Any


@cache
def _adapter(annotation: Any) -> TypeAdapter[Any] | None:
    """Return a validator for the type, or None for a class of ours, which is built from its own node."""
    try:
        return TypeAdapter(annotation)
    except (PydanticSchemaGenerationError, PydanticUserError):
        return None


@cache
def signature(target: str) -> dict[str, Argument]:
    """Return argument name → type and default, for the class that a `_target_` names. A function's settings are its
    keyword-only arguments: the others are given when it is called."""
    made = get_object(target)
    hints = typing.get_type_hints(made.__init__ if inspect.isclass(made) else made, include_extras=True)
    empty = inspect.Parameter.empty
    made_anew = {one.name: one.default_factory for one in fields(made)} if is_dataclass(made) else {}

    def default(one: inspect.Parameter) -> Any:
        factory = made_anew.get(one.name, MISSING)
        return one.default if factory is MISSING else factory()  # type: ignore[operator]

    return {
        name: Argument(hints.get(name, Any), one.default is empty, default(one))
        for name, one in inspect.signature(made).parameters.items()
        if one.kind is one.KEYWORD_ONLY or (one.kind is one.POSITIONAL_OR_KEYWORD and inspect.isclass(made))
    }


def value_of(key: str, argument: Argument, value: Any, typed: dict[str, str] | None = None) -> Any:
    """Return the value for an argument. Raise UserError if it does not fit the annotation."""
    if isinstance(value, dict) and "_target_" in value:
        return checked(key, value, typed)
    if isinstance(value, dict) and value and all(isinstance(one, dict) and "_target_" in one for one in value.values()):
        return checked(key, value)
    adapter = _adapter(argument.annotation)
    if adapter is None:
        return checked(key, value)
    try:
        adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise UserError(_sentence(key, value, error)) from None
    return _as_float(argument.annotation, value)


def _as_float(annotation: Any, value: Any) -> Any:
    """Return an integer as a float where a float is expected, so that 1 and 1.0 are the same value."""
    kinds = {annotation, *typing.get_args(annotation)}
    number = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if number and float in kinds and int not in kinds else value


def _plain(value: Any) -> Any:
    """Return a default in the form that a config would have."""
    if isinstance(value, tuple | set | frozenset):
        return [_plain(one) for one in (value if isinstance(value, tuple) else sorted(value))]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value


def _sentence(key: str, value: Any, error: ValidationError) -> str:
    """Return `KEY=VALUE: expected ...`, with every type that a union takes and the key of the nested setting."""
    faults = error.errors(include_url=False)
    first = next((fault for fault in faults if fault["type"] in _UNKNOWN), faults[0])
    for step in first["loc"]:
        if not isinstance(value, dict) or step not in value:
            break
        key, value = f"{key}.{step}", value[step]
    if first["type"] in _UNKNOWN:
        return f"{key}: there is no such setting"
    if first["type"] == "missing":
        return f"{key}.{first['loc'][-1]} has no value"
    expected = dict.fromkeys(words for fault in faults if (words := _expected(fault)))
    said = f"expected {' or '.join(expected)}" if expected else first["msg"].removeprefix("Value error, ")
    return f"{key}={shown(value)}: {said}"


def _expected(fault: Any) -> str | None:
    kinds = (kind for kind in (fault["type"], fault["type"].split("_")[0]) if kind in _KINDS)
    context = {
        name: str(one).replace("'", "") if name == "expected" else one for name, one in fault.get("ctx", {}).items()
    }
    return next((_KINDS[kind].format(**context) for kind in kinds), None)


def shown(value: Any) -> str:
    """Return the value as a user would type it."""
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
