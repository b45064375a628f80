"""The miniature world as a source: English records with a trusted Arabic reference, and Arabic records of its own."""

from collections.abc import Iterator
from itertools import islice
from random import Random

from ain.miniature.scene import Question
from ain.miniature.world import DOMAINS, Scene, World
from ain.source import Found
from ain.storage.images import png
from ain.text.placeholders import IMAGE


class MiniatureSource:
    """scenes: English records in each domain; authentic: Arabic ones in each, of images of their own; unsafe: the share of
    images that the safety policy must catch.
    """

    def __init__(
        self, seed: int = 0, scenes: int = 1_000, authentic: int = 100, unsafe: float = 0.04, limit: int | None = None
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
                yield _found(scene, {"english": [_english(q) for q in asked], "reference": [_arabic(q) for q in asked]})
            for scene in islice(self.world.scenes("authentic", domain, self.unsafe), self.authentic):
                yield _found(scene, {"arabic": [_arabic(q) for q in _in_any_order(scene)]})


def _in_any_order(scene: Scene) -> list[Question]:
    """A model that met a question only at the end of conversations could not answer it alone."""
    return Random(f"{scene.name} asked").sample(scene.questions, len(scene.questions))


def _found(scene: Scene, texts: dict[str, list[dict[str, str]]]) -> Found:
    for turns in texts.values():
        turns[0]["question"] = f"{IMAGE}\n{turns[0]['question']}"
    return Found(
        scene.name,
        {"id": scene.name, "domain": scene.domain, "origin": "synthetic", **texts},
        [lambda: png(scene.image)],
    )


def _english(question: Question) -> dict[str, str]:
    return {"question": question.question, "answer": question.answer}


def _arabic(question: Question) -> dict[str, str]:
    return {"question": question.question_ar, "answer": question.answer_ar}
