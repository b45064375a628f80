"""Compute the fingerprint that names a stage's directory: a digest of everything that affects its content.

    fingerprint = H(stage, version, effective values of the groups it reads, upstream fingerprints, external data)

Effective values include the defaults of classes, so a changed default changes the fingerprint. Keys under `how:`
(devices, workers, rates) do not affect content and are left out. Checkpoints count by content, hub ids by commit.
"""

import os
from typing import Any

from hydra.utils import get_object

from ain.pipeline.build import build, over_checkpoints
from ain.pipeline.locate import identity
from ain.pipeline.values import Values
from ain.runtime.distributed import on_first_rank
from ain.storage.digests import digest


def content(values: Any) -> Any:
    """Return the plain values that affect a result, at every level of nesting."""
    if isinstance(values, Values):
        return {"_target_": values.target, **content(values.shaping)}
    if isinstance(values, dict):
        return {name: content(value) for name, value in values.items()}
    return [content(value) for value in values] if isinstance(values, list) else values


def shape(group: str, values: Any) -> Any:
    """Return a group's part of a fingerprint: its content, and the digest of the external data that it reads."""
    made = over_checkpoints(group, content(values), identity)
    if not isinstance(values, Values) or not hasattr(get_object(values.target), "digest"):
        return made
    return [made, _external(values)]


_known: dict[str, Any] = {}  # of this command


def _external(values: Values) -> Any:
    """Return the digest of the external data. It is taken once a command, for all jobs of a sweep, and on one rank."""
    key = digest([os.environ.get("AIN_SWEEP"), content(values)])
    if key not in _known or "AIN_SWEEP" not in os.environ:
        _known[key] = on_first_rank(key, lambda: build(values).digest())
    return _known[key]
