"""The pipeline as one table. No other module lists stages by name.

A stage's body is a function in `ain/stages/`, its arguments named as the groups and the stages in its row. Beside it the
module may have

    check(...)              refuses, before any work begins, what cannot be done here
    estimate(...)           lines that say what the work would take
    headline(counts)        the numbers that tell one job from another
    TITLE, SHOWN            of its section in the report; its tables and figures by name → caption
    said(counts)            a sentence on what it came to, for that section
    pages(where, ...)       further pages of a job's report
    together(jobs, where)   what the jobs of a sweep show together

each of which asks for what it needs by the names of its arguments.
"""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Config = Any  # a composed config
Condition = Callable[[Config], bool]


@dataclass(frozen=True)
class Stage:
    """A row of the pipeline: its config groups and upstream stages are also its body's arguments."""

    name: str
    version: int  # bump when the body's result changes for the same inputs
    reads: tuple[str, ...] = ()  # groups that shape the result
    uses: tuple[str, ...] = ()  # groups that do not: where and how it is worked out
    after: tuple[str, ...] = ()
    when: dict[str, Condition] = field(default_factory=dict)  # of stages in `after`: else there is none to follow
    per_part: tuple[str, ...] = ()  # followed once for each part of the mixture
    body: str = ""  # the module in ain.stages, where it is not the name
    ranks: bool = False  # its body is for all ranks that were started

    @property
    def module(self) -> str:
        return f"ain.stages.{self.body or self.name}"

    def hook(self, name: str) -> Any:
        """A function of the stage's module by its name, or None."""
        return getattr(importlib.import_module(self.module), name, None)

    def run(self, **arguments: Any) -> dict[str, Any]:
        return self.hook(self.body or self.name)(**arguments)  # type: ignore[no-any-return]


def translates(cfg: Config) -> bool:
    """Does any part of the mixture ask for translations? If not, none are made."""
    return any(part.translate for part in cfg.mixture.parts.values())


def translates_back(cfg: Config) -> bool:
    return translates(cfg) and bool(cfg.back_translation.translator)


_ROWS = (
    Stage("collect", 3, reads=("source",)),
    Stage("translate", 4, reads=("translator",), uses=("engine",), after=("collect",)),
    Stage("verify", 3, reads=("verifier",), uses=("engine",), after=("collect", "translate")),
    Stage("back_translate", 2, reads=("back_translation",), uses=("engine",), after=("collect", "translate")),
    Stage("screen", 3, reads=("screener",), uses=("engine",), after=("collect",)),
    Stage(
        "select",
        5,
        reads=("thresholds",),
        after=("collect", "translate", "verify", "back_translate", "screen"),
        when={"translate": translates, "verify": translates, "back_translate": translates_back},
    ),
    Stage(
        "mix",
        3,
        reads=("mixture", "seed"),
        per_part=("collect", "translate", "select"),
        when={"translate": translates},
    ),
    Stage("tokenize", 3, reads=("model.processor",), after=("mix",)),
    Stage(
        "train",
        4,
        reads=("model", "objective", "trainer", "seed"),
        uses=("tracker",),
        after=("tokenize",),
        ranks=True,
    ),
    Stage(
        "evaluate_base",
        2,
        reads=("model.checkpoint", "model.processor", "predictor", "benchmark"),
        body="evaluate",
    ),
    Stage("evaluate", 2, reads=("model.processor", "predictor", "benchmark"), after=("train",)),
    Stage("probe", 2, reads=("verifier", "probe"), after=("collect",)),
    Stage("rate", 3, reads=("rating", "verifier"), uses=("translator",), after=("collect", "translate")),
)
STAGES = {stage.name: stage for stage in _ROWS}

# What a verb of the command line brings up, where it is more than the stage of that name; and whether it ends in a report.
TARGETS = {
    "evaluate": ("evaluate_base", "evaluate"),
    **dict.fromkeys(("run", "report"), ("probe", "evaluate_base", "evaluate")),
}
REPORTED = ("run", "report")
_WANTED: dict[str, Condition] = {
    "probe": translates
}  # of a verb that brings up several: without translations, no verifier


def targets(cfg: Config) -> Iterator[Stage]:
    """The stages that a job is asked for."""
    names = TARGETS.get(cfg.stage, (cfg.stage,))
    for name in names:
        if len(names) == 1 or _WANTED.get(name, lambda cfg: True)(cfg):
            yield STAGES[name]
