"""Tasks of lm-eval or lmms-eval: the tool, in an environment of its own, asks our model through a server on this machine."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from ain import UserError
from ain.benchmark import Benchmark, Item
from ain.chat import LanguageModel
from ain.harness.environment import environment
from ain.harness.run import TaskRun, run
from ain.harness.tools import TOOLS, Asked, Server
from ain.runtime.ranges import NotNegative, Positive
from ain.server.serving import serving
from ain.storage.digests import cache, folder_digest
from ain.storage.record import Row
from ain.text.languages import LanguageCode

SERVED = "ain"  # the model's name in the tool's requests


class Harness(Benchmark):
    """tasks: as the tool names them; groups count as one. metric: of each question, as the tool names it; it is the score.
    shots: null: as the task says. chat: questions stand in the model's chat template. include: a folder with tasks of one's
    own. environments: where the tools are installed; null: the user's cache. offline: the tool uses no network.

    The tool's own numbers, which may be no means over questions, stand in `tables/harness.csv` of predict.
    """

    def __init__(
        self,
        name: str,
        tool: Literal["lm_eval", "lmms_eval"],
        tasks: tuple[str, ...],
        metric: str,
        domain: str = "general",
        language: LanguageCode = "en",
        limit: Positive | None = None,
        shots: NotNegative | None = None,
        chat: bool = True,
        include: str | None = None,
        environments: str | None = None,
        offline: bool = False,
    ) -> None:
        self.name, self.tool, self.tasks, self.metric = name, TOOLS[tool], tuple(tasks), metric
        self.domain, self.language = domain, language
        self.asked = Asked(limit, shots, chat, Path(include) if include else None)
        self.environments, self.offline = environments, offline

    def digest(self) -> Any:
        """Return what tells this version of the tool and of one's own tasks from others."""
        return [self.tool.identity, folder_digest(self.asked.include) if self.asked.include else None]

    def items(self, mix: Path | None = None) -> Iterator[Item]:
        """Yield nothing: the tool knows its questions."""
        return iter(())

    def results(self, model: LanguageModel, root: Path) -> list[TaskRun]:
        """Run the tasks; those that were run before are read. root: where their results are kept.

        Raise UserError, naming the tasks, if one has no results; the others are kept.
        """
        checkpoint = getattr(model, "checkpoint", None)
        if checkpoint is None:
            raise UserError(
                f"benchmark={self.name}: {self.tool.name} asks a checkpoint through a server of ours; it cannot ask "
                f"{type(model).__name__}"
            )
        python = environment(self.tool, Path(self.environments) if self.environments else cache("harness"))
        with serving(model, SERVED) as url:
            server = Server(url, SERVED, str(checkpoint))
            made = run(
                self.tool, python, list(self.tasks), server, model.identity, root, self.asked, offline=self.offline
            )
        if lost := [one for one in made if one.error]:
            said = "; ".join(f"{one.task}: {one.error}" for one in lost)
            raise UserError(f"benchmark={self.name}: {len(lost)} of {len(made)} tasks have no results: {said}")
        return made

    def rows(self, made: list[TaskRun]) -> Iterator[Row]:
        """Yield the tool's answers as `predict` keeps them, with the scores that the tool gave. A question without this
        metric is not labelled; if none has it, raise UserError."""
        found = [(row, _score(row, self.metric)) for one in made for row in one.rows]
        if all(score is None for _, score in found):
            known = ", ".join(dict.fromkeys(name for row, _ in found for name in (*row["scores"], *row["details"])))
            raise UserError(
                f"benchmark.metric={self.metric}: no question has such a number; choose among {known or 'none'}"
            )
        for row, score in found:
            yield {
                "id": f"{row['task']}/{row['id']}",
                "domain": self.domain,
                "language": self.language,
                "kind": row["task"],
                "images": "shown",
                "media": [],
                "shown": [],
                "pixels": 0,
                "question": row["question"],
                "options": [],
                "labels": [] if score is None else [row["label"]],
                "prediction": row["answer"],
                "finish": "stop",
                "measured": None if score is None else json.dumps({"score": score}),
            }


def _score(row: Row, metric: str) -> float | None:
    """Return a question's score: a number, the `score` of what a metric keeps for later, or whether `pred` is `answer`."""
    if metric in row["scores"]:
        return float(row["scores"][metric])
    kept = row["details"].get(metric)
    if not isinstance(kept, dict):
        return None
    if isinstance(kept.get("score"), int | float):
        return float(kept["score"])
    return float(kept["pred"] == kept["answer"]) if {"pred", "answer"} <= set(kept) else None


def numbers(made: list[TaskRun]) -> list[Row]:
    """Return the tool's own numbers: a row for each task or group and metric."""
    return [
        {
            "task": task,
            "metric": metric,
            "value": value,
            "version": one.versions.get(task),
            "tool": " ".join(one.tool[:2]),
        }
        for one in made
        for task, metrics in one.metrics.items()
        for metric, value in metrics.items()
    ]
