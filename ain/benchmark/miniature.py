"""The miniature benchmark: scenes that are never used in training, each question in English and in Arabic."""

from collections.abc import Iterator
from functools import cache, partial
from itertools import islice
from pathlib import Path
from random import Random

from ain.benchmark import Condition, Item
from ain.miniature.world import DOMAINS, World
from ain.runtime.ranges import Positive
from ain.storage.images import png
from ain.text.placeholders import IMAGE


class MiniatureBenchmark:
    """Questions about scenes of the miniature world. scenes: number per domain; questions: number per scene. A clip is
    shown as its frames, in order.

    images: `shown`; `shuffled`, each question with the image of another scene of its domain; `blank`, a grey image. The
    accuracy with the wrong image or none shows what guessing reaches.
    """

    def __init__(
        self, seed: int = 0, scenes: Positive = 24, questions: Positive = 4, images: tuple[Condition, ...] = ("shown",)
    ) -> None:
        self.world = World(seed)
        self.scenes = scenes
        self.questions = questions
        self.images = tuple(images)

    def items(self, mix: Path | None = None) -> Iterator[Item]:
        for domain in DOMAINS:
            for scene in islice(self.world.scenes("test", domain), self.scenes):
                images = tuple(cache(partial(png, image)) for image in scene.images)  # encoded once for all questions
                for i, q in enumerate(
                    Random(scene.name).sample(scene.questions, min(self.questions, len(scene.questions)))
                ):
                    for language, question, label in (
                        ("en", q.question, q.answer),
                        ("ar", q.question_ar, q.answer_ar),
                    ):
                        yield Item(
                            f"{scene.name}-{i}-{language}",
                            domain,
                            language,
                            q.kind,
                            f"{IMAGE * len(images)}\n{question}",
                            label,
                            images,
                        )
