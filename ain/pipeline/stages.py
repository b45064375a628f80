"""The pipeline as one table."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A row of the pipeline: its config groups and upstream stages are also its body's arguments."""

    name: str
    version: int  # bump when the body's result changes for the same inputs
    reads: tuple[str, ...] = ()  # groups that shape the result
    uses: tuple[str, ...] = ()  # groups that do not: where and how it is worked out
    after: tuple[str, ...] = ()
    body: str = ""  # the module in ain.stages, where it is not the name

    @property
    def module(self) -> str:
        return f"ain.stages.{self.body or self.name}"


STAGES = {
    stage.name: stage
    for stage in (
        Stage("collect", 2, reads=("source",)),
        Stage("translate", 3, reads=("translator",), uses=("engine",), after=("collect",)),
        Stage("verify", 2, reads=("verifier",), uses=("engine",), after=("collect", "translate")),
        Stage("back_translate", 1, reads=("back_translation",), uses=("engine",), after=("collect", "translate")),
        Stage("screen", 2, reads=("screener",), uses=("engine",), after=("collect",)),
        Stage("select", 4, reads=("thresholds",), after=("collect", "translate", "verify", "back_translate", "screen")),
        Stage("mix", 2, reads=("mixture", "seed"), after=("collect", "translate", "select")),
        Stage("tokenize", 3, reads=("model.processor",), after=("mix",)),
        Stage("train", 4, reads=("model", "objective", "trainer", "seed"), uses=("tracker",), after=("tokenize",)),
        Stage(
            "evaluate_base", 1, reads=("model.checkpoint", "model.processor", "predictor", "benchmark"), body="evaluate"
        ),
        Stage("evaluate", 1, reads=("model.processor", "predictor", "benchmark"), after=("train",)),
        Stage("probe", 1, reads=("verifier", "probe"), after=("collect",)),
        Stage("rate", 2, reads=("rating", "verifier"), uses=("translator",), after=("collect", "translate")),
    )
}
# What a verb of the command line brings up, where it is more than the stage of that name.
TARGETS = {
    "evaluate": ("evaluate_base", "evaluate"),
    **dict.fromkeys(("run", "report"), ("probe", "evaluate_base", "evaluate")),
}
