"""List the weights that a job would download from the Hugging Face hub."""

from pathlib import Path
from typing import Any

from ain.pipeline.build import over_checkpoints
from ain.pipeline.graph import Graph
from ain.pipeline.locate import MINIATURE, NOT_FOR_TORCH, here
from ain.storage.revisions import download_bytes, is_cached


def downloads(graph: Graph) -> list[str]:
    """Return a line for each checkpoint that is neither on this machine nor made by us, with its size if the hub tells."""
    names: dict[str, list[str]] = {}
    for node in graph.nodes:
        if node.done:
            continue
        for group, values in (node.settings | node.uses).items():
            for name in dict.fromkeys(_named(group, values, graph.output_dir)):
                groups = names.setdefault(name, [])
                if group.split(".")[0] not in groups:
                    groups.append(group.split(".")[0])
    missing = {name: groups for name, groups in names.items() if not is_cached(name.partition("@")[0])}
    return [f"to download: {name} for {', '.join(groups)}{_size(name)}" for name, groups in missing.items()]


def _named(group: str, values: Any, output_dir: Path) -> list[str]:
    found: list[str] = []
    over_checkpoints(group, values, lambda name: found.append(here(name, output_dir)) or name)  # type: ignore[func-returns-value]
    return [name for name in found if not name.startswith(MINIATURE) and not Path(name).is_dir()]


def _size(name: str) -> str:
    """Return `, 4.4 GB`, or nothing if the hub cannot be asked."""
    repository, _, revision = name.partition("@")
    size = download_bytes(repository, revision or None, NOT_FOR_TORCH)
    return "" if size is None else f", {size / 1e9:.1f} GB"
