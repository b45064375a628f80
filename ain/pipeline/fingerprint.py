"""Compute the fingerprint that names a stage's directory: a digest of everything that affects its content.

    fingerprint = H(stage, version, effective values of the groups it reads, upstream fingerprints, external data)

Effective values include the defaults of classes, so a changed default changes the fingerprint. Keys under `how:`
(devices, workers, rates) do not affect content and are left out. Checkpoints count by content, hub ids by commit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from hydra.utils import get_object

from ain.pipeline.build import build, over_checkpoints
from ain.pipeline.locate import identity
from ain.pipeline.values import Values
from ain.runtime.distributed import on_first_rank
from ain.storage.digests import digest


def content(values: Any, how: bool = False) -> Any:
    """Return the plain values that affect a result, at every level of nesting. how: with those that affect none."""
    if isinstance(values, Values):
        return {"_target_": values.target, **content(values.arguments if how else values.shaping, how)}
    if isinstance(values, dict):
        return {name: content(value, how) for name, value in values.items()}
    return [content(value, how) for value in values] if isinstance(values, list) else values


def shape(group: str, values: Any) -> Any:
    """Return a group's part of a fingerprint: its content, and the digest of the external data that it reads."""
    made = over_checkpoints(group, content(values), _identity)
    if not isinstance(values, Values) or not hasattr(get_object(values.target), "digest"):
        return made
    return [made, _external(values)]


_known: ContextVar[dict[str, Any] | None] = ContextVar("known", default=None)


@contextmanager
def digests_taken_once() -> Iterator[None]:
    """Within it, external data are read once, for all jobs of a command: they do not change under it."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def _external(values: Values) -> Any:
    """Return the digest of the external data that a component reads."""
    key = digest(content(values, how=True))  # a server's address stands under `how`
    return _once(key, lambda: build(values).digest())


def _identity(checkpoint: str) -> Any:
    """Return what identifies a checkpoint, of whose files or commit the other ranks need not know."""
    return _once(f"checkpoint {checkpoint}", lambda: identity(checkpoint))


def _once(key: str, look: Callable[[], Any]) -> Any:
    """Return what `look()` finds outside, on one rank and, within `digests_taken_once`, once."""
    known = _known.get()
    if known is None:
        return on_first_rank(key, look)
    if key not in known:
        known[key] = on_first_rank(key, look)
    return known[key]
