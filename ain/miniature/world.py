"""The world: each scene has facts, from which its image and its sentences in two languages are made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from types import ModuleType
from typing import Any, Literal

from PIL import Image

from ain.miniature import canvas
from ain.miniature.domains import agro, cdt, cultural, medical, ocr, rs, video, vqa
from ain.miniature.scene import Question
from ain.text.placeholders import IMAGE, VIDEO

VERSION = 2  # bump when a change here or in the domains changes images or sentences; this retrains the tiny checkpoints

# The domains of CAMEL-Bench, in the order of AIN's Table 1.
DOMAINS: dict[str, ModuleType] = {
    "vqa": vqa,
    "ocr": ocr,
    "cdt": cdt,
    "video": video,
    "cultural": cultural,
    "medical": medical,
    "agro": agro,
    "rs": rs,
}

Domain = Literal["vqa", "ocr", "cdt", "video", "cultural", "medical", "agro", "rs"]

# What a safety policy must catch, with the policy's category and a rationale.
UNSAFE = {
    "knife": ("O6", "a knife is shown"),
    "cigarette": ("O6", "a cigarette is shown"),
    "fire": ("O9", "a fire is shown"),
}


@dataclass(frozen=True)
class Scene:
    """One image, or the frames of a clip, with all questions about it.

    filmed: the frames are one video; else each is an image, as those who ask a language model show them.
    """

    name: str
    domain: str
    facts: Any
    questions: tuple[Question, ...]
    unsafe: str | None  # a key of UNSAFE
    filmed: bool

    @cached_property
    def images(self) -> tuple[Image.Image, ...]:
        """56 x 56 RGB each."""
        return tuple(map(self._drawn, video.TIMES if self.domain == "video" else [0.0]))

    @property
    def placeholders(self) -> str:
        """What stands for the images in the first question."""
        return VIDEO if self.filmed else IMAGE * len(self.images)

    def _drawn(self, time: float) -> Image.Image:
        random = Random(f"{self.name} drawn")  # the same for all frames, so that only what moves differs
        sheet = canvas.Canvas(random, time)
        DOMAINS[self.domain].draw(self.facts, sheet)
        if self.unsafe:
            getattr(sheet, self.unsafe)(*random.choice(DOMAINS[self.domain].free(self.facts)))
        return sheet.image


class World:
    """All scenes of one seed. `split` separates training, held-out and other uses: no image is in two of them.

    A scene's facts alone decide whether it is in the held-out tenth of the world, so no tested scene was ever trained
    on. domains: some of DOMAINS; None: all.
    """

    def __init__(self, seed: int = 0, domains: Sequence[str] | None = None) -> None:
        self.seed, self.domains = seed, tuple(domains or DOMAINS)

    def scenes(self, split: str, domain: str, unsafe_share: float = 0.0) -> Iterator[Scene]:
        """Yield scenes endlessly. `split` is any name; only "test" draws from the held-out scenes."""
        index = 0
        while True:
            name = f"{self.seed}-{split}-{domain}-{index}"
            index += 1
            random = Random(name)
            facts = DOMAINS[domain].imagine(random)
            if self._held_out(facts) != (split == "test"):
                continue
            unsafe = random.choice(sorted(UNSAFE)) if random.random() < unsafe_share else None
            questions = tuple(DOMAINS[domain].ask(facts, random))
            yield Scene(name, domain, facts, questions, unsafe, domain == "video" and random.random() < 0.5)

    def _held_out(self, facts: Any) -> bool:
        return Random(f"{self.seed} {facts!r}").random() < 0.1
