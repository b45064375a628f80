"""What of a group's values enters a fingerprint.

    fingerprint = H(stage, version, typed values of the config groups it reads, upstream fingerprints, external inputs)

Keys under `how:` (devices, workers, rates) and keys at their default shape no content and are left out.
"""

import inspect
from typing import Any


def essence(node: Any) -> Any:
    """A group's values less what shapes no content: keys under `how`, nulls, and arguments at their class's default."""
    if isinstance(node, list):
        return [essence(value) for value in node]
    if not isinstance(node, dict):
        return node
    defaults = _defaults(node.get("_target_"))
    kept = {key: essence(value) for key, value in node.items() if key != "how" and value is not None}
    return {key: value for key, value in kept.items() if key not in defaults or not _same(value, defaults[key])}


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _defaults(target: str | None) -> dict[str, Any]:
    if target is None:
        return {}
    from hydra.utils import get_object

    parameters = inspect.signature(get_object(target)).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}
