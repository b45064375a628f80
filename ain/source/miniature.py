"""The miniature world as a source: English records with a trusted Arabic reference, and native Arabic records."""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

from ain.miniature.scene import Question
from ain.miniature.world import DOMAINS, Scene, World
from ain.runtime.ranges import NotNegative, Positive, Share
from ain.source import Found, Medium
from ain.storage.images import png
from ain.storage.record import Turns
from ain.text.placeholders import IMAGE


class MiniatureSource:
    """scenes: English records per domain. authentic: Arabic records per domain, with images of their own. unsafe: the
    share of images that the safety policy must catch.
    """

    def __init__(
        self,
        seed: int = 0,
        scenes: Positive = 1_000,
        authentic: NotNegative = 100,
        unsafe: Share = 0.04,
        limit: Positive | None = None,
    ) -> None:
        self.world = World(seed)
        self.scenes = scenes
        self.authentic = authentic
        self.unsafe = unsafe
        self.limit = limit

    def rows(self) -> Iterator[Found]:
        return islice(self._all(), self.limit)

    def _all(self) -> Iterator[Found]:
        for domain in DOMAINS:
            for scene in islice(self.world.scenes("train", domain, self.unsafe), self.scenes):
                asked = _in_any_order(scene)
                yield _found(scene, "en", _english(asked), [{"language": "ar", "turns": _arabic(asked)}])
            for scene in islice(self.world.scenes("authentic", domain, self.unsafe), self.authentic):
                yield _found(scene, "ar", _arabic(_in_any_order(scene)), [])


def _in_any_order(scene: Scene) -> list[Question]:
    """Shuffle the questions: a model that saw one only at the end of conversations could not answer it alone."""
    return Random(f"{scene.name} asked").sample(scene.questions, len(scene.questions))


def _found(scene: Scene, language: str, turns: Turns, references: list[dict[str, Any]]) -> Found:
    record = {
        "id": scene.name,
        "domain": scene.domain,
        "origin": "synthetic",
        "language": language,
        "turns": turns,
        "references": references or None,
    }
    return Found(scene.name, record, [Medium([lambda: png(scene.image)])])


def _english(asked: list[Question]) -> Turns:
    return _shown([{"question": q.question, "answer": q.answer} for q in asked])


def _arabic(asked: list[Question]) -> Turns:
    return _shown([{"question": q.question_ar, "answer": q.answer_ar} for q in asked])


def _shown(turns: Turns) -> Turns:
    """Put the image before the first question."""
    turns[0]["question"] = f"{IMAGE}\n{turns[0]['question']}"
    return turns
