"""The miniature benchmark: scenes that are never used in training, each question in English and in Arabic."""

from collections.abc import Iterator
from functools import cache, partial
from itertools import islice
from pathlib import Path
from random import Random

from ain.benchmark import Benchmark, Condition, Item
from ain.miniature.world import Domain, World
from ain.runtime.ranges import Positive
from ain.scorer import Scorer
from ain.storage.images import png
from ain.text.placeholders import IMAGE


class MiniatureBenchmark(Benchmark):
    """Questions about scenes of the miniature world. scenes: number per domain; questions: number per scene. A clip is
    shown as its frames, in order.
    """

    name = "miniature"

    def __init__(
        self,
        seed: int = 0,
        domains: tuple[Domain, ...] | None = None,
        scenes: Positive = 24,
        questions: Positive = 4,
        images: tuple[Condition, ...] = ("shown",),
        max_new_tokens: Positive | None = 16,
        scorer: Scorer | None = None,
        also: dict[str, Scorer] | None = None,
        judged: bool = False,
    ) -> None:
        self.world = World(seed, domains)
        self.scenes = scenes
        self.questions = questions
        self.images = tuple(images)
        self.max_new_tokens = max_new_tokens
        self.scorer, self.also, self.judged = scorer, also or {}, judged

    def items(self, mix: Path | None = None) -> Iterator[Item]:
        for domain in self.world.domains:
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
                            (label,),
                            images,
                        )
