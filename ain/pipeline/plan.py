"""Plan a dry run: what a command would make, what is done, what it would cost, and what is missing on this machine."""

from collections.abc import Iterator
from typing import Any

from ain import UserError
from ain.pipeline.build import build, over_checkpoints
from ain.pipeline.downloads import downloads
from ain.pipeline.graph import Graph
from ain.pipeline.locate import here
from ain.pipeline.runner import refuse, wanted


def plan(graph: Graph) -> Iterator[str]:
    """Yield the lines to print. Nothing is written, downloaded or trained."""

    def local(group: str, values: Any) -> Any:
        return build(over_checkpoints(group, values, lambda name: here(name, graph.output_dir)))

    named = graph.named()
    width = max(map(len, named))
    for name, node in named.items():
        yield f"{name:>{width}}  {'done   ' if node.done else 'to make'}  {node.directory}"
    for node in graph.nodes:
        if not node.done and (estimate := node.stage.hook("estimate")):
            for line in estimate(**wanted(estimate, node, local, output_dir=graph.output_dir)):
                yield line if line.startswith((" ", node.stage.name)) else f"{node.stage.name}: {line}"
    yield from downloads(graph)
    for node in graph.nodes:
        try:
            refuse(node)
        except UserError as error:
            yield f"{node.stage.name} cannot run here: {error}"
