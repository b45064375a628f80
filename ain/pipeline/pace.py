"""Estimate how long the stages of a job take, from finished runs of the same settings over other data.

No table of devices tells how fast a model translates, judges or answers here: a sample that was run does. Where it ran is
named, because `how:` may differ. A stage that was killed and resumed has the seconds since then only, and looks too fast.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ain.pipeline.fingerprint import content
from ain.pipeline.graph import Graph, Node
from ain.pipeline.stages import STAGES, Stage
from ain.runtime.durations import rough
from ain.storage.damage import Damaged
from ain.storage.manifest import is_done, lineage, read_manifest


@dataclass(frozen=True)
class Run:
    """A finished stage: its directory, its seconds, the number of records that were collected for it, and the machine."""

    directory: Path
    seconds: float
    records: int
    host: str

    def of(self, records: int) -> float:
        """Return the seconds for other data, in proportion to the records."""
        return self.seconds * records / self.records

    def said(self) -> str:
        return f"{self.records:,} took {rough(self.seconds)} on {self.host} ({self.directory.name})"


def lines(graph: Graph, count: Callable[[Any], int]) -> Iterator[str]:
    """Yield a line for each stage whose time an earlier run tells, their sum, and the names of the others.

    count: returns the number of records in a source, given its settings.
    """
    nodes = [node for node in graph.nodes if not node.done and not _trains(node.stage) and _collected(node)]
    runs = {node: run for node in nodes if (run := longest(node))}
    counts = {one: _records(one, count) for one in dict.fromkeys(one for node in runs for one in _collected(node))}
    table, total = [], 0.0
    for node, run in runs.items():
        records = sum(counts[one] for one in _collected(node))
        table.append((node.name, rough(run.of(records)), f"{records:,} records; {run.said()}"))
        total += run.of(records)
    if table:
        yield "time at the pace of earlier runs with these settings (at most, for what takes a sample or loads a model):"
        table.append(("in all", rough(total), ""))
        yield from (f"  {name:>15}  {time:>8}  {said}".rstrip() for name, time, said in table)
    others = [node.name for node in nodes if node not in runs]
    if others:
        of = ", ".join(others) if table else "stages"
        yield f"time of {of}: no earlier run with these settings tells it; run a sample first, as with source.limit=200"


def _opens(stage: Stage) -> bool:
    """Return whether a stage brings in the records of a source."""
    return "source" in stage.reads


def _trains(stage: Stage) -> bool:
    """Return whether a stage's time is that of its steps, which it estimates itself."""
    return "trainer" in stage.reads


def _collected(node: Node) -> list[Node]:
    """Return the nodes whose records this stage works through; none if it works on something else."""
    if _opens(node.stage):
        return [node]
    found = (one for above in node.follows() if not _trains(above.stage) for one in _collected(above))
    return list({one.directory: one for one in found}.values())


def _records(node: Node, count: Callable[[Any], int]) -> int:
    return int(read_manifest(node.directory)["counts"]["input"]) if node.done else count(node.settings["source"])


def longest(node: Node) -> Run | None:
    """Return the finished run of the stage with the same settings over the largest number of records."""
    settings = {group: content(values) for group, values in node.settings.items()}
    runs = (
        run
        for directory in node.directory.parent.glob(f"{node.directory.name.rpartition('-')[0]}-*")
        if is_done(directory) and (run := _run(directory, node, settings))
    )
    return max(runs, key=lambda run: run.records, default=None)


def _run(directory: Path, node: Node, settings: dict[str, Any]) -> Run | None:
    try:
        made = read_manifest(directory)
        same = made["version"] == node.stage.version and _alike(node.stage, made["settings"], settings)
        above = lineage(directory).values() if same else []
        records = sum(one["counts"]["input"] for one in above if _opens(STAGES[one["stage"]]))
    except Damaged:
        return None
    return Run(directory, made["seconds"], records, made["host"]) if records else None


def _alike(stage: Stage, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether settings are the same; those of sources of one class count as such, wherever the data lie."""
    return one["source"]["_target_"] == other["source"]["_target_"] if _opens(stage) else one == other
