"""Resolve a config, once, into a graph of nodes: stages with their settings, inputs and directories.

Planning, running and reporting all read this graph.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ain.pipeline.asked import pairs
from ain.pipeline.build import over_checkpoints, plain
from ain.pipeline.fingerprint import content, shape
from ain.pipeline.stages import FILES, STAGES, Stage, targets
from ain.pipeline.values import checked
from ain.storage.digests import digest
from ain.storage.manifest import is_done


@dataclass(frozen=True, eq=False)
class Node:
    """One stage of one job. settings, uses: group → checked values.

    inputs: argument → upstream node, or None where that stage is left out. `parts` holds such a mapping for each part
    of the mixture, `pairs` for each model with each benchmark. label: the model and benchmark, of a stage that asks.
    """

    stage: Stage
    settings: dict[str, Any]
    uses: dict[str, Any]
    inputs: dict[str, Any]
    directory: Path
    label: str = ""

    @property
    def done(self) -> bool:
        return is_done(self.directory)

    @property
    def name(self) -> str:
        """Return its stage, with the model and the benchmark of one that asks."""
        return f"{self.stage.name} ({self.label})" if self.label else self.stage.name

    @property
    def in_suite(self) -> bool:
        """Return whether it asks one of several benchmarks."""
        return ", " in self.label

    def follows(self) -> Iterator["Node"]:
        """Yield the direct inputs of this node."""
        found: list[Node] = []
        map_inputs(self.inputs, found.append)
        yield from found

    def checkpoints(self) -> Iterator[tuple[str, str]]:
        """Yield (group, name) for each checkpoint that its settings name."""
        for group, values in (self.settings | self.uses).items():
            names: dict[str, str] = {}
            over_checkpoints(group, values, lambda name, names=names: names.setdefault(name, name))  # type: ignore[misc]
            yield from ((group, name) for name in names)

    def setting(self, group: str) -> Any:
        """Return the group's checked values from this node or the nearest upstream node that has them, or None."""
        own = self.settings | self.uses
        if group in own:
            return own[group]
        return next((values for node in self.follows() if (values := node.setting(group)) is not None), None)


def map_inputs(inputs: Any, change: Callable[[Node], Any]) -> Any:
    """Return the same mapping with `change` applied to each node."""
    if isinstance(inputs, dict):
        return {name: map_inputs(branch, change) for name, branch in inputs.items()}
    return inputs if inputs is None else change(inputs)


class Graph:
    """The nodes of a job. nodes: all of them, each after its inputs. targets: those of the requested stages."""

    def __init__(self, cfg: DictConfig, stages: Iterable[Stage] | None = None) -> None:
        self.output_dir = Path(cfg.output_dir)
        self._nodes: dict[Path, Node] = {}
        self._shapes: dict[str, Any] = {}
        self._views: dict[str, View] = {}
        self._whole = View(cfg)
        wanted = [(stage, view) for stage in stages or targets(cfg) for view in self._seeing(stage)]
        self.targets = list(dict.fromkeys(self._node(stage, view) for stage, view in wanted))

    @property
    def nodes(self) -> list[Node]:
        return list(self._nodes.values())

    def named(self) -> dict[str, Node]:
        """Return the nodes by stage name. If a part of the mixture has its own source, its node is `stage (2)`; those that
        ask are `stage (MODEL)` or `stage (MODEL, BENCHMARK)`."""
        names: dict[str, Node] = {}
        for node in sorted(self.nodes, key=lambda node: list(STAGES).index(node.stage.name)):
            count = sum(other.stage is node.stage for other in names.values())
            told_by = node.label or (str(count + 1) if count else "")
            names[node.stage.name + (f" ({told_by})" if told_by else "")] = node
        return names

    @cached_property
    def _asking(self) -> list["View"]:
        return [View(pair.cfg, pair.label) for pair in pairs(self._whole.cfg)]

    def _seeing(self, stage: Stage) -> list["View"]:
        return self._asking if stage.asking else [self._whole]

    def _node(self, stage: Stage, view: "View") -> Node:
        if stage.name not in view.nodes:
            view.nodes[stage.name] = self._made(stage, view)
        return view.nodes[stage.name]

    def _made(self, stage: Stage, view: "View") -> Node:
        inputs = self._inputs(stage, view)
        settings = {group: _without(_checked(group, view.cfg), stage.without.get(group)) for group in stage.reads}
        uses = {group: checked(group, plain(view.cfg, group)) for group in stage.uses}
        directory = self._directory(stage, settings, inputs)
        return self._nodes.setdefault(directory, Node(stage, settings, uses, inputs, directory, view.label))

    def _directory(self, stage: Stage, settings: dict[str, Any], inputs: dict[str, Any]) -> Path:
        shapes = {group: self._shape(group, values) for group, values in settings.items() if values is not None}
        above = map_inputs(inputs, lambda node: node.directory.name.rpartition("-")[2])
        name = digest([stage.name, stage.version, shapes, above])
        number = list(STAGES).index(stage.name) + 1
        return self.output_dir / "data" / f"{number:02d}-{stage.name}-{name}"

    def without(self, node: Node, labels: Collection[str]) -> Node:
        """Put a node over fewer pairs in the place of one, and return it: that of a job that asks only these."""
        pairs = {label: pair for label, pair in node.inputs["pairs"].items() if label not in labels}
        inputs = node.inputs | {"pairs": pairs}
        made = replace(node, inputs=inputs, directory=self._directory(node.stage, node.settings, inputs))
        del self._nodes[node.directory]
        self.targets = [made if target is node else target for target in self.targets]
        return self._nodes.setdefault(made.directory, made)

    def _shape(self, group: str, values: Any) -> Any:
        """Return the group's part of a fingerprint. External data is hashed once, however many nodes read it."""
        key = digest([group, content(values, how=True)])
        if key not in self._shapes:
            self._shapes[key] = shape(group, values)
        return self._shapes[key]

    def _inputs(self, stage: Stage, view: "View") -> dict[str, Any]:
        after: dict[str, Any] = {name: self._followed(stage, name, view) for name in stage.after}
        if stage.per_part:
            after["parts"] = {part: self._part(stage, part, view) for part in view.cfg.mixture.parts}
        if stage.per_pair:
            after["pairs"] = {
                asking.label: {name: self._node(STAGES[name], asking) for name in stage.per_pair}
                for asking in self._asking
            }
        return after

    def _part(self, stage: Stage, part: str, view: "View") -> dict[str, Any]:
        own = _as_part(part, view.cfg)
        if own is not view.cfg:  # parts that see the same config share its nodes
            groups = ("source", "mixture", "translator")
            key = digest([OmegaConf.to_container(own[group], resolve=False) for group in groups])
            view = self._views.setdefault(key, View(own))
        return {name: self._followed(stage, name, view) for name in stage.per_part}

    def _followed(self, stage: Stage, name: str, view: "View") -> Node | None:
        condition, followed = stage.when.get(name), STAGES[name]
        if condition is not None and not condition(view.cfg):
            return None
        return self._node(followed, self._whole if stage.asking and not followed.asking else view)


def _without(values: Any, names: tuple[str, ...] | None) -> Any:
    """Return a group's values without those that do not affect a stage's result."""
    if not names:
        return values
    return replace(values, shaping={name: value for name, value in values.shaping.items() if name not in names})


def _checked(group: str, cfg: DictConfig) -> Any:
    """Return the group's checked values; of a setting that names a person's file, those of the class that reads it."""
    given = plain(cfg, group)
    if group in FILES and given is not None:
        return checked(group, {"_target_": FILES[group], "how": {"path": given}}, {"path": group})
    return checked(group, given)


class View:
    """A config, whole or as one part of the mixture or one asking of a model sees it, with the nodes resolved from it, by
    stage. label: what tells the asking from others."""

    def __init__(self, cfg: DictConfig, label: str = "") -> None:
        self.cfg, self.label = cfg, label
        self.nodes: dict[str, Node] = {}


def _as_part(part: str, cfg: DictConfig) -> DictConfig:
    """Return the config as one part of the mixture sees it: with its own source if it has one, only the parts that
    share its upstream stages, and its target language."""
    parts = cfg.mixture.parts
    source = parts[part].get("source")
    target = parts[part].language if parts[part].translate else None
    siblings = {
        name: other
        for name, other in parts.items()
        if other.get("source") == source and not (target and other.translate and other.language != target)
    }
    target = next((other.language for other in siblings.values() if other.translate), cfg.translator.target)
    if len(siblings) == len(parts) and source is None and target == cfg.translator.target:
        return cfg
    own: DictConfig = cfg.copy()
    OmegaConf.set_struct(own, False)
    own.mixture.parts = siblings
    own.source = cfg.source if source is None else source
    own.translator.target = target
    return own
