"""Define the pipeline as one table. No other module lists stages by name.

A stage's body is a function in `ain/stages/` whose arguments are named after the groups and stages in its row. The
module may also define these hooks, which name what they need in their arguments:

    check(...)              refuse, before any work begins, what cannot be done here
    estimate(...)           yield lines on what the work would take
    headline(counts)        return the numbers that distinguish jobs
    beside(counts)          return the counts to read an accuracy by; those of all stages of one name are added up
    TITLE, SHOWN            title of its section in the report; its tables and figures by name → caption
    CURVES, REPEATED        files that grow by a row of JSON per step → prefix of W&B's metrics; tables that repeat them
    measures(counts, out)   yield its numbers in long format: dimensions, metric, value, low, high, n, why
    scalars(counts, out)    return its numbers for W&B, where they are not its counts
    said(counts)            return a sentence on the outcome, for that section
    pages(where, ...)       write further pages of a job's report
    lacking(out, names)     return those of these ids that no record of the stage has
    unasked(names, ...)     return those of these ids that no question has
    again(out)              yield (id, reasons) of rejected records that may be asked for again by `ain retry`
    check_again(...)        refuse to ask for anything again
    exported(out, follows)  yield (row, function that returns the bytes of its images) for `ain export`
    together(jobs, where)   write the page that compares the jobs of a sweep
"""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

# Settings that name a person's file → the class that reads it. The file counts by its content, and is optional: without it
# a stage's fingerprint is what it was before the stage could read one.
FILES = {"overrides": "ain.review.overrides.Overrides", "retry": "ain.review.attempts.Attempts"}

Config = Any  # a composed config
Condition = Callable[[Config], bool]


@dataclass(frozen=True)
class Stage:
    """One row of the pipeline. Its config groups and upstream stages are also the arguments of its body."""

    name: str
    version: int  # bump when the body's result changes for the same inputs
    reads: tuple[str, ...] = ()  # groups that affect the result
    uses: tuple[str, ...] = ()  # groups that do not: where and how it is computed
    after: tuple[str, ...] = ()
    when: dict[str, Condition] = field(default_factory=dict)  # upstream stage → condition; the input is None if false
    per_part: tuple[str, ...] = ()  # upstream stages, once for each part of the mixture
    per_pair: tuple[str, ...] = ()  # upstream stages that ask, once for each model and each benchmark
    asking: bool = False  # once for each model and each benchmark
    without: dict[str, tuple[str, ...]] = field(default_factory=dict)  # group → settings that do not affect the result
    takes: dict[str, str] = field(default_factory=dict)  # upstream stage → its count that this stage's input equals
    ranks: bool = False  # can run on several ranks

    @property
    def module(self) -> str:
        return f"ain.stages.{self.name}"

    def hook(self, name: str) -> Any:
        """Return a function or constant of the stage's module by name, or None."""
        return getattr(importlib.import_module(self.module), name, None)

    def run(self, **arguments: Any) -> dict[str, Any]:
        return self.hook(self.name)(**arguments)  # type: ignore[no-any-return]


def translates(cfg: Config) -> bool:
    """Return whether any part of the mixture asks for translations. If not, none are made."""
    return any(part.translate for part in cfg.mixture.parts.values())


def translates_back(cfg: Config) -> bool:
    return translates(cfg) and bool(cfg.back_translation.translator)


def calibrates(cfg: Config) -> bool:
    return translates(cfg) and cfg.thresholds.get("similarity") == "calibrated"


def asks_tuned(cfg: Config) -> bool:
    return bool(cfg.asked.name == "tuned")


def asks_held_out(cfg: Config) -> bool:
    """Return whether the benchmark consists of the mixture's validation split."""
    return str(cfg.benchmark.get("_target_", "")).endswith(".HeldOut")


_ROWS = (
    Stage("collect", 5, reads=("source",), uses=("engine",)),
    Stage(
        "translate", 7, reads=("translator", "retry"), uses=("engine",), after=("collect",), takes={"collect": "kept"}
    ),
    Stage(
        "verify",
        5,
        reads=("verifier",),
        uses=("engine",),
        after=("collect", "translate"),
        takes={"translate": "kept"},
    ),
    Stage(
        "back_translate",
        3,
        reads=("back_translation",),
        uses=("engine",),
        after=("collect", "translate"),
        takes={"translate": "kept"},
    ),
    Stage("screen", 3, reads=("screener",), uses=("engine",), after=("collect",), takes={"collect": "images"}),
    Stage(
        "select",
        7,
        reads=("thresholds", "overrides"),
        after=("collect", "probe", "translate", "verify", "back_translate", "screen"),
        when={"probe": calibrates, "translate": translates, "verify": translates, "back_translate": translates_back},
        takes={"collect": "kept"},
    ),
    Stage(
        "mix",
        4,
        reads=("mixture", "seed"),
        uses=("engine",),
        per_part=("collect", "select", "translate"),
        when={"translate": translates},
    ),
    Stage("tokenize", 3, reads=("model.processor",), uses=("engine",), after=("mix",), takes={"mix": "kept"}),
    Stage(
        "train",
        5,
        reads=("model", "objective", "trainer", "seed"),
        after=("tokenize",),
        ranks=True,
    ),
    Stage(
        "predict",
        2,
        reads=("asked", "predictor", "benchmark"),
        after=("mix", "train"),
        when={"mix": asks_held_out, "train": asks_tuned},
        asking=True,
        without={"benchmark": ("scorer", "official", "also", "metrics", "judged", "labels")},  # of grade alone
    ),
    Stage(
        "grade",
        3,
        reads=("benchmark", "judge"),
        after=("predict",),
        takes={"predict": "kept"},
        asking=True,
        without={"judge": ("compare",)},  # of pairwise alone
    ),
    Stage("hash_images", 1, uses=("engine",), after=("collect",)),
    Stage(
        "overlap",
        1,
        uses=("engine",),
        after=("mix",),
        per_part=("collect", "hash_images"),
        per_pair=("predict", "grade"),
    ),
    Stage("probe", 4, reads=("verifier", "probe"), after=("collect",)),
    Stage("rate", 5, reads=("rating", "verifier"), uses=("translator",), after=("collect", "translate")),
    Stage("pairwise", 1, reads=("judge",), per_pair=("grade",), without={"judge": ("labels", "check")}),
)
STAGES = {stage.name: stage for stage in _ROWS}

# The stages that a verb of the command line runs, if more than its own; and the verbs that end in a report.
TARGETS = {
    "evaluate": ("grade",),
    **dict.fromkeys(("run", "report"), ("probe", "grade")),
}
REPORTED = ("run", "report", "evaluate", "overlap", "pairwise")
_WANTED: dict[str, Condition] = {
    "probe": translates
}  # for verbs that run several stages: without translations, there is no verifier to probe


def targets(cfg: Config) -> Iterator[Stage]:
    """Yield the stages that a job requests."""
    names = TARGETS.get(cfg.stage, (cfg.stage,))
    for name in names:
        if len(names) == 1 or _WANTED.get(name, lambda cfg: True)(cfg):
            yield STAGES[name]
