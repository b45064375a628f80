"""Build a stage's manifest and metrics: everything needed to tell what was run, and nothing secret."""

from typing import Any

from ain.pipeline.fingerprint import content
from ain.pipeline.graph import Node, map_inputs
from ain.pipeline.masking import masked_values
from ain.pipeline.values import Values
from ain.runtime.provenance import provenance
from ain.text.normalise import NORMALISER


def manifest(node: Node, counts: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Return the manifest. settings: all effective values that affect the result; how: those that do not."""
    return {
        "stage": node.stage.name,
        "version": node.stage.version,
        "counts": counts,
        "seconds": round(seconds, 1),
        "settings": {group: content(values) for group, values in node.settings.items()},
        "how": {group: found for group, values in (node.settings | node.uses).items() if (found := _how(values))},
        "follows": map_inputs(node.inputs, lambda above: above.directory.name),
        "normaliser": NORMALISER,
        **provenance(),
    }


def _how(values: Any) -> Any:
    if isinstance(values, Values):
        inner = {name: found for name, value in values.shaping.items() if (found := _how(value))}
        return inner | {name: masked_values(content(value)) for name, value in values.how.items()}
    if isinstance(values, dict):
        return {name: found for name, value in values.items() if (found := _how(value))}
    return None


def metrics(counts: dict[str, Any], prefix: str = "") -> dict[str, float]:
    """Return the numbers among a stage's counts as a flat mapping, with keys such as `accuracy/shown/ar/ocr`."""
    made: dict[str, float] = {}
    for name, value in counts.items():
        if isinstance(value, dict):
            made |= metrics(value, f"{prefix}{name}/")
        elif isinstance(value, int | float):
            made[f"{prefix}{name}"] = value
    return made
