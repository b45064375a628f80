"""List the weights and data sets that a job would download from the Hugging Face hub."""

from collections.abc import Iterator
from pathlib import Path

from ain.benchmark import Benchmark
from ain.pipeline.build import build
from ain.pipeline.graph import Graph
from ain.pipeline.locate import MINIATURE, NOT_FOR_TORCH, here
from ain.storage.revisions import download_bytes, is_cached


def downloads(graph: Graph) -> list[str]:
    """Return a line for each checkpoint that is neither on this machine nor made by us, with its size if the hub tells, and for
    each data set of a benchmark."""
    names: dict[str, list[str]] = {}
    for node in graph.nodes:
        if node.done:
            continue
        for group, given in node.checkpoints():
            name, typed = here(given, graph.output_dir), "models" if group == "asked" else group.split(".")[0]
            on_hub = not name.startswith(MINIATURE) and not Path(name).is_dir()
            if on_hub and typed not in names.setdefault(name, []):
                names[name].append(typed)
    missing = {name: groups for name, groups in names.items() if not is_cached(name.partition("@")[0])}
    lines = [f"to download: {name} for {', '.join(groups)}{_size(name)}" for name, groups in missing.items()]
    sets: dict[str, dict[str, None]] = {}
    for benchmark in _asked(graph):
        if benchmark.to_download:
            sets.setdefault(benchmark.to_download, {})[benchmark.name] = None
    return lines + [
        f"to download: the data set {name} for {', '.join(names)}; its questions are counted then"
        for name, names in sets.items()
    ]


def _asked(graph: Graph) -> Iterator[Benchmark]:
    """Yield the benchmarks whose questions are still to be asked."""
    for node in graph.nodes:
        if not node.done and "asked" in node.settings:
            yield build(node.settings["benchmark"])


def _size(name: str) -> str:
    """Return `, 4.4 GB`, or nothing if the hub cannot be asked."""
    repository, _, revision = name.partition("@")
    size = download_bytes(repository, revision or None, NOT_FOR_TORCH)
    return "" if size is None else f", {size / 1e9:.1f} GB"
