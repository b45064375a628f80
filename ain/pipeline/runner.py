"""Run the nodes of a graph: skip what is done, and make missing inputs first."""

import inspect
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from ain import UserError
from ain.pipeline.build import build, over_checkpoints
from ain.pipeline.graph import Graph, Node, map_inputs
from ain.pipeline.locate import locate, train_ahead
from ain.pipeline.manifests import manifest, metrics
from ain.pipeline.stages import FILES
from ain.runtime.console import log
from ain.runtime.distributed import rank, world_size
from ain.storage.files import replace_text
from ain.storage.listing import listing_of, mark_done
from ain.storage.locks import lock
from ain.storage.manifest import read_manifest
from ain.storage.shards import Shards

METRICS = "metrics.json"


class Runner:
    """The run of one command over its graph. made: the stages that this run made. follow: what goes on beside a stage
    while it is made. failed: nodes of a suite that cannot be made; the others go on."""

    def __init__(self, graph: Graph, follow: Callable[[Node], AbstractContextManager[None]] | None = None) -> None:
        self.graph = graph
        self._follow = follow or (lambda node: nullcontext())
        self.made: list[str] = []
        self.failed: dict[Node, UserError] = {}
        self._found: set[Path] = set()

    def check(self) -> None:
        """Refuse, before any work begins, what would otherwise fail late: also shards that are missing or cut short."""
        for node in self.graph.nodes:
            if not node.done:
                self._try(node, refuse)
            elif rank() == 0:
                listing_of(node.directory).check_sizes()

    def bring_up_targets(self) -> Path:
        """Make all requested nodes, and return the directory of the last one. Raise UserError if none can be made."""
        if world_size() == 1:
            train_ahead(self._checkpoints(), self.graph.output_dir)
        for node in map(self._over_pairs_that_are_there, self.graph.targets):
            if not self._is_lost(node):
                self._try(node, self.bring_up)
        made = [node for node in self.graph.targets if node.done or rank() > 0]
        if not made:
            raise next(iter(self.failed.values()))
        return made[-1].directory

    def _checkpoints(self) -> list[str]:
        """Return the names of the checkpoints that the missing stages load."""
        missing = (node for node in self.graph.nodes if not node.done)
        return list(dict.fromkeys(name for node in missing for _, name in node.checkpoints()))

    def _over_pairs_that_are_there(self, node: Node) -> Node:
        """Make the pairs of models and benchmarks that a node follows, and return it without those that cannot be made."""
        pairs: dict[str, dict[str, Node]] = node.inputs.get("pairs", {})
        for above in (above for pair in pairs.values() for above in pair.values()):
            if not self._is_lost(above):
                self._try(above, self.bring_up)
        lost = [label for label, pair in pairs.items() if any(map(self._is_lost, pair.values()))]
        return self.graph.without(node, lost) if lost and len(lost) < len(pairs) else node

    def _is_lost(self, node: Node) -> bool:
        return node in self.failed or any(self._is_lost(above) for above in node.follows())

    def _try(self, node: Node, work: Callable[[Node], Any]) -> None:
        """Do something with a node. What a person has to mend in one benchmark of a suite does not stop the others."""
        try:
            work(node)
        except UserError as error:
            if not node.in_suite:
                raise
            self.failed[node] = error
            log.warning(f"warning: {node.label}: {error}")

    def lost(self) -> str | None:
        """Return what could not be made, in a sentence, or None."""
        if not self.failed:
            return None
        errors = {node.label: error for node, error in self.failed.items()}
        said = "; ".join(f"{label}: {error}" for label, error in errors.items())
        lost = [node for node in self.graph.targets if self._is_lost(node)]
        if lost:
            return f"{len(lost)} of {len(self.graph.targets)} evaluations are missing: {said}"
        return f"made without {said}"

    def bring_up(self, node: Node) -> Path:
        """Make the node's inputs, then the node, and return its directory. Wait for a process that is making one."""
        if node.done:
            self._say_found(node)
            return node.directory
        for above in node.follows():
            self.bring_up(above)
        if world_size() > 1:
            self._with_other_ranks(node)
            return node.directory
        with lock(node.directory):
            if node.done:  # by a process that it waited for
                self._say_found(node)
            else:
                self._make(node)
        return node.directory

    def _say_found(self, node: Node) -> None:
        """Log, once, that a stage was finished before, unless this run made it."""
        if rank() == 0 and node.directory not in self._found:
            log.info(f"found done: {node.name} ({node.directory})")
        self._found.add(node.directory)

    def refuse_unknown_records(self, names: list[str]) -> None:
        """Raise UserError for ids that no record and no question has. Stages that know the ids are made first, the others
        not yet."""
        if names := self._lacking(self._lacking(names), "unasked"):
            unseen = "; ".join(node.label for node in self.failed)
            raise UserError(
                f"records=[{','.join(names)}]: collect kept no record with such an id, and no benchmark asks such a question"
                f"{f' (of {unseen} it is not known)' if unseen else ''}; correct or remove it"
            )

    def refuse_unknown_ids(self) -> None:
        """Raise UserError, naming file and row, for an id in a person's file that no record has."""
        files = (node.settings.get(name) for node in self.graph.nodes if not node.done for name in FILES)
        places = {name: where for values in files if values for name, where in build(values).places.items()}
        for name in self._lacking(list(places)):
            raise UserError(f"{places[name]}: collect kept no record with the id {name}; correct or remove it")

    def _lacking(self, names: list[str], hook: str = "lacking") -> list[str]:
        """Return those ids that no stage with this hook knows. Of the stages, those that the hook names as its arguments
        are made. A benchmark of a suite that cannot be opened knows none."""
        left = names

        def look(node: Node) -> None:
            nonlocal left
            lacking = node.stage.hook(hook)
            needed = inspect.signature(lacking).parameters
            for above in [node] if "out" in needed else [each for each in node.follows() if each.stage.name in needed]:
                self.bring_up(above)
            left = lacking(**wanted(lacking, node, plain_build, names=left))

        for node in self.graph.nodes:
            if left and node.stage.hook(hook) and not self._is_lost(node):
                self._try(node, look)
        return left

    def _with_other_ranks(self, node: Node) -> None:
        """Make the node as one of several ranks. Only some stages support this; rank 0 writes the directory."""
        if not node.stage.ranks:
            raise UserError(
                f"{node.stage.name} is not done and cannot run on {world_size()} ranks; run it first, in one process: "
                f"ain {node.stage.name} ..., with the same settings"
            )
        if rank() > 0:
            self._body(node)
            return
        with lock(node.directory, wait=False):
            self._make(node)

    def _body(self, node: Node) -> dict[str, Any]:
        def located(group: str, values: Any) -> Any:
            return build(over_checkpoints(group, values, lambda name: locate(name, self.graph.output_dir)))

        groups = {group.split(".")[-1]: located(group, values) for group, values in (node.settings | node.uses).items()}
        inputs = map_inputs(node.inputs, lambda above: above.directory)
        return node.stage.run(**inputs, **groups, out=node.directory)

    def _make(self, node: Node) -> None:
        name, out = node.name, node.directory
        if rank() == 0:
            log.info(name)
        started = time.time()
        with self._follow(node):
            counts = self._body(node)
        _account(node, counts)
        if counts.get("rejected"):
            log.info(
                f"{name}: {counts['kept']:,} of {counts['input']:,} kept, {counts['rejected']:,} rejected; "
                f"why: {out / 'rejected'}"
            )
        replace_text(out / METRICS, json.dumps(metrics(counts), indent=2))
        mark_done(out, manifest(node, counts, time.time() - started))
        self._found.add(out)
        self.made.append(node.stage.name)
        for after in self.graph.nodes:  # they may know by now that they cannot work: before what else they need is made
            if node in after.follows() and not after.done:
                self._try(after, refuse)


def _account(node: Node, counts: dict[str, Any]) -> None:
    """Raise an error if records are missing: between a stage and the one before it, or between its counts and its shards."""
    name, shards = node.stage.name, Shards(node.directory)
    if "input" in counts and counts["kept"] + counts["rejected"] != counts["input"]:
        raise RuntimeError(f"{name} lost records: {counts}")
    for above, part in node.stage.takes.items():
        given = read_manifest(node.inputs[above].directory)["counts"][part]
        if given != counts["input"]:
            raise UserError(
                f"{name} found {counts['input']:,} records in {node.inputs[above].directory}, which has {given:,}: it is "
                f"damaged; delete it and {node.directory} and run the same command, which makes them again"
            )
    if len(shards) and [shards.count(), shards.count("rejected")] != [counts["kept"], counts["rejected"]]:
        raise RuntimeError(f"{name} lost records: {counts}")


def refuse(node: Node) -> None:
    """Raise UserError for values that do not go together and for what the stage cannot do here."""
    for values in (node.settings | node.uses).values():
        build(values)
    if check := node.stage.hook("check"):
        check(**wanted(check, node, plain_build))


def plain_build(group: str, values: Any) -> Any:
    """Build values with checkpoints as names: nothing is downloaded or trained."""
    return build(values)


def wanted(hook: Callable[..., Any], node: Node, make: Callable[[str, Any], Any], **given: Any) -> dict[str, Any]:
    """Return the arguments that a stage's hook names: directories of inputs (None if not done), groups of this node or
    an upstream one, `out`, and what is in `given`."""
    found: dict[str, Any] = {"out": node.directory} | given
    for name in inspect.signature(hook).parameters:
        if name in found:
            continue
        if name in node.inputs:
            found[name] = map_inputs(node.inputs[name], lambda above: above.directory if above.done else None)
        else:
            found[name] = make(name, node.setting(name))
    return {name: found[name] for name in inspect.signature(hook).parameters}
