"""What names a stage's directory: a digest of all that shapes its content.

    fingerprint = H(stage, version, effective values of the groups it reads, upstream fingerprints, outside data)

Effective values include the defaults of classes, so that a changed default is a changed fingerprint. Keys under `how:`
(devices, workers, rates) shape no content and are left out. Checkpoints count by content, hub ids by commit.
"""

from typing import Any

from hydra.utils import get_object

from ain.pipeline.build import build, over_checkpoints
from ain.pipeline.locate import identity
from ain.pipeline.values import Values


def content(values: Any) -> Any:
    """Plain values of all that shapes a result, on every level."""
    if isinstance(values, Values):
        return {"_target_": values.target, **content(values.shaping)}
    if isinstance(values, dict):
        return {name: content(value) for name, value in values.items()}
    return [content(value) for value in values] if isinstance(values, list) else values


def shape(group: str, values: Any) -> Any:
    """What of a group enters a fingerprint: its content, and the digest of data that it reads from outside."""
    made = over_checkpoints(group, content(values), identity)
    if not isinstance(values, Values) or not hasattr(get_object(values.target), "digest"):
        return made
    return [made, build(values).digest()]
