"""Plan a dry run: what a command would make, what is done, what it would cost, and what is missing on this machine."""

from collections.abc import Callable, Iterator
from typing import Any

from ain import UserError
from ain.pipeline import pace
from ain.pipeline.build import build, over_checkpoints
from ain.pipeline.downloads import downloads
from ain.pipeline.graph import Graph, Node
from ain.pipeline.locate import here
from ain.pipeline.runner import refuse, wanted

Make = Callable[[str, Any], Any]


def plan(graph: Graph) -> Iterator[str]:
    """Yield the lines to print. Nothing is written, downloaded or trained."""

    def local(group: str, values: Any) -> Any:
        return build(over_checkpoints(group, values, lambda name: here(name, graph.output_dir)))

    named = graph.named()
    width = max(map(len, named))
    for name, node in named.items():
        yield f"{name:>{width}}  {'done   ' if node.done else 'to make'}  {node.directory}"
    seen = set[str]()  # models that are asked several benchmarks have the same prices
    for node in graph.nodes:
        for number, line in enumerate(_estimated(node, graph, local) if not node.done else ()):
            if number == 0 or not node.stage.asking or line not in seen:
                yield line if line.startswith((" ", node.stage.name)) else f"{node.name}: {line}"
            seen.add(line)
    yield from pace.lines(graph, lambda source: sum(1 for _ in build(source).rows()))
    yield from downloads(graph)
    for node in graph.nodes:
        try:
            refuse(node)
        except UserError as error:
            yield f"{node.name} cannot run here: {error}"


def _estimated(node: Node, graph: Graph, make: Make) -> Iterator[str]:
    """Yield what a stage says that it would take. What hinders that is said, too, and stops no other stage."""
    if estimate := node.stage.hook("estimate"):
        try:
            yield from estimate(**wanted(estimate, node, make, output_dir=graph.output_dir))
        except UserError as error:
            if not node.stage.asking:
                raise
            yield f"cannot be asked: {error}"
