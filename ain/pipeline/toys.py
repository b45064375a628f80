"""Refuse parts of the miniature on other data: they know only its drawn scenes and answer anything else with nonsense."""

import json
from typing import Any

from ain import UserError
from ain.pipeline.choices import options, settings
from ain.pipeline.fingerprint import content
from ain.pipeline.graph import Graph
from ain.pipeline.locate import MINIATURE
from ain.pipeline.values import Values

SOURCE = "ain.source.miniature.MiniatureSource"
BENCHMARK = "ain.benchmark.miniature.MiniatureBenchmark"
HELD_OUT = "ain.benchmark.held_out.HeldOut"


def refuse_toys(graph: Graph) -> None:
    """Raise UserError, naming the choices, if a group is the miniature's and its data are not."""
    _refuse_other_questions(graph)
    sources = {node.setting("source").target for node in graph.nodes if isinstance(node.setting("source"), Values)}
    if not sources or sources == {SOURCE}:
        return
    groups = {group.split(".")[0]: values for node in graph.nodes for group, values in node.settings.items()}
    toys = sorted(group for group, values in groups.items() if group not in ("source", "asked") and _is_toy(values))
    if toys:
        named = "; ".join(f"{group}={'|'.join(_others(group))}" for group in toys)
        raise UserError(
            f"{', '.join(toys)}: the miniature's know only its drawn scenes, not your data; begin with ain run ain/starter "
            f"source=folder source.path=DIR, or choose {named}; allow_toys=true tries the pipeline with toys all the same"
        )


def _refuse_other_questions(graph: Graph) -> None:
    """Raise UserError if the miniature's model is asked a benchmark that is not about its scenes."""
    for node in graph.nodes:
        asked, benchmark = node.settings.get("asked"), node.settings.get("benchmark")
        if not asked or not isinstance(benchmark, Values) or benchmark.target in (BENCHMARK, HELD_OUT):
            continue
        if _is_toy(asked["checkpoint"]) or (node.inputs["train"] and _is_toy(node.inputs["train"].setting("model"))):
            raise UserError(
                f"models=[{asked['name']}]: the miniature's model knows only its drawn scenes, not the questions of "
                f"{benchmark.shaping['name']}; choose model={'|'.join(_others('model'))}, or another model in models=[...]; "
                "allow_toys=true tries the pipeline with toys all the same"
            )


def uses_toys(graph: Graph) -> bool:
    return any(_is_toy(values) for node in graph.nodes for values in node.settings.values())


def _is_toy(values: Any) -> bool:
    plain = json.dumps(content(values), default=str)
    return MINIATURE in plain or "ain.benchmark.miniature" in plain


def _others(group: str) -> list[str]:
    """Return the options of a group that are no toys; of benchmarks, the one about a person's own data."""
    if group == "benchmark":
        return ["held_out"]
    made = {
        option: " ".join(setting.value for setting in settings(group, option).values()) for option in options(group)
    }
    return [option for option in made if "miniature" not in option and MINIATURE not in made[option]]
