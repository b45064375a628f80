"""The miniature world as a source: English records with a trusted Arabic reference, and native Arabic records."""

from collections.abc import Iterator
from functools import partial
from itertools import islice
from random import Random

from ain.miniature.domains.video import FPS
from ain.miniature.scene import Question
from ain.miniature.world import Domain, Scene, World
from ain.runtime.ranges import NotNegative, Positive, Share
from ain.source import Found, Medium, Source
from ain.storage.images import png
from ain.storage.record import Turns


class MiniatureSource(Source):
    """domains: of the world; null: all. scenes: English records per domain. authentic: Arabic records per domain, with images
    of their own. unsafe: the share of images that the safety policy must catch.
    """

    def __init__(
        self,
        seed: int = 0,
        domains: tuple[Domain, ...] | None = None,
        scenes: Positive = 375,
        authentic: NotNegative = 40,
        unsafe: Share = 0.04,
        limit: Positive | None = None,
    ) -> None:
        self.world = World(seed, domains)
        self.scenes = scenes
        self.authentic = authentic
        self.unsafe = unsafe
        self.limit = limit

    def items(self) -> Iterator[tuple[Scene, str]]:
        """Yield (scene, language of its record)."""
        return islice(self._all(), self.limit)

    def _all(self) -> Iterator[tuple[Scene, str]]:
        for domain in self.world.domains:
            for split, language, count in (("train", "en", self.scenes), ("authentic", "ar", self.authentic)):
                for scene in islice(self.world.scenes(split, domain, self.unsafe), count):
                    yield scene, language

    def found(self, item: tuple[Scene, str]) -> Found:
        scene, language = item
        asked = _in_any_order(scene)
        arabic = _shown(scene, [{"question": q.question_ar, "answer": q.answer_ar} for q in asked])
        english = _shown(scene, [{"question": q.question, "answer": q.answer} for q in asked])
        record = {
            "id": scene.name,
            "domain": scene.domain,
            "origin": "synthetic",
            "language": language,
            "turns": arabic if language == "ar" else english,
            "references": None if language == "ar" else [{"language": "ar", "turns": arabic}],
        }
        images = [partial(_png, scene, number) for number in range(len(scene.images))]
        media = [Medium(images, "video", FPS)] if scene.filmed else [Medium([image]) for image in images]
        return Found(scene.name, record, media)


def _png(scene: Scene, number: int) -> bytes:
    return png(scene.images[number])


def _in_any_order(scene: Scene) -> list[Question]:
    """Shuffle the questions: a model that saw one only at the end of conversations could not answer it alone."""
    return Random(f"{scene.name} asked").sample(scene.questions, len(scene.questions))


def _shown(scene: Scene, turns: Turns) -> Turns:
    """Put the images before the first question."""
    turns[0]["question"] = f"{scene.placeholders}\n{turns[0]['question']}"
    return turns
