"""The world: each scene has facts, from which its image and its sentences in two languages are made."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from random import Random
from types import ModuleType
from typing import Any

from PIL import Image

from ain.miniature import canvas
from ain.miniature.domains import cultural, ocr, vqa
from ain.miniature.scene import Question

VERSION = 1  # bump when a change here or in the domains changes images or sentences; this retrains the tiny checkpoints

DOMAINS: dict[str, ModuleType] = {"vqa": vqa, "ocr": ocr, "cultural": cultural}

# What a safety policy must catch, with the policy's category and a rationale.
UNSAFE = {
    "knife": ("O6", "a knife is shown"),
    "cigarette": ("O6", "a cigarette is shown"),
    "fire": ("O9", "a fire is shown"),
}


@dataclass(frozen=True)
class Scene:
    """One image with all questions about it."""

    name: str
    domain: str
    facts: Any
    questions: tuple[Question, ...]
    unsafe: str | None  # a key of UNSAFE

    @cached_property
    def image(self) -> Image.Image:
        """56 x 56 RGB."""
        random = Random(f"{self.name} drawn")
        sheet = canvas.Canvas(random)
        DOMAINS[self.domain].draw(self.facts, sheet)
        if self.unsafe:
            getattr(sheet, self.unsafe)(*random.choice(DOMAINS[self.domain].free(self.facts)))
        return sheet.image


class World:
    """All scenes of one seed. `split` separates training, held-out and other uses: no image is in two of them.

    A scene's facts alone decide whether it is in the held-out tenth of the world, so no tested scene was ever trained
    on.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

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
            yield Scene(name, domain, facts, tuple(DOMAINS[domain].ask(facts, random)), unsafe)

    def _held_out(self, facts: Any) -> bool:
        return Random(f"{self.seed} {facts!r}").random() < 0.1
