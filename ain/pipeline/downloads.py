"""List the weights that a job would download from the Hugging Face hub."""

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ain.pipeline.build import over_checkpoints
from ain.pipeline.graph import Graph
from ain.pipeline.locate import MINIATURE, NOT_FOR_TORCH, here


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
    missing = {name: groups for name, groups in names.items() if not _cached(name)}
    return [f"to download: {name} for {', '.join(groups)}{_size(name)}" for name, groups in missing.items()]


def _named(group: str, values: Any, output_dir: Path) -> list[str]:
    found: list[str] = []
    over_checkpoints(group, values, lambda name: found.append(here(name, output_dir)) or name)  # type: ignore[func-returns-value]
    return [name for name in found if not name.startswith(MINIATURE) and not Path(name).is_dir()]


def _cached(name: str) -> bool:
    from huggingface_hub import constants

    folder = f"models--{name.partition('@')[0].replace('/', '--')}"
    return any((Path(constants.HF_HUB_CACHE) / folder / "snapshots").glob("*/config.json"))


def _size(name: str) -> str:
    """Return `, 4.4 GB`, or nothing if the hub cannot be asked."""
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return ""
    repository, _, revision = name.partition("@")
    try:
        files = HfApi().model_info(repository, revision=revision or None, files_metadata=True, timeout=5).siblings or []
    except Exception:  # whatever keeps the hub from answering, the plan is the same
        return ""
    needed = [file for file in files if not any(fnmatch(file.rfilename, pattern) for pattern in NOT_FOR_TORCH)]
    return f", {sum(file.size or 0 for file in needed) / 1e9:.1f} GB"
