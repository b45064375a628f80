"""Names of the tiny checkpoints, `miniature:NAME?seed=0&steps=10`, and the identity of one without training it."""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from ain import UserError
from ain.miniature import world
from ain.storage.digests import digest

VERSION = 5  # bump when a change in `checkpoints`, `tiny` or `muon` changes the weights

STEPS = {  # from the one that takes longest
    "base": 600,
    "encoder": 600,
    "screener": 400,
    "back_translator": 160,
    "translator": 160,
    "small_translator": 200,  # it still makes errors
}


@dataclass(frozen=True)
class Recipe:
    """A tiny checkpoint to train. name: a key of STEPS; seed: of the world and the training; steps: of the training; domains:
    of the world, none: all."""

    name: str
    seed: int
    steps: int
    domains: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Recipe":
        """Parse `miniature:NAME`, with `?seed=`, `&steps=` and `&domains=vqa.ocr` if they differ from the defaults."""
        name, _, query = text.removeprefix("miniature:").partition("?")
        if name not in STEPS:
            raise UserError(f"{text}: choose one of {', '.join(f'miniature:{known}' for known in STEPS)}")
        given = dict(parse_qsl(query))
        domains = tuple(filter(None, given.pop("domains", "").split(".")))
        unknown = set(given) - {"seed", "steps"} or set(domains) - set(world.DOMAINS)
        if unknown or not all(value.isdigit() for value in given.values()):
            raise UserError(f"{text}: expected miniature:{name}?seed=N&steps=N&domains=vqa.ocr")
        return cls(name, int(given.get("seed", 0)), int(given.get("steps", STEPS[name])), domains)

    def identity(self) -> str:
        some = [list(self.domains)] if self.domains else []
        return f"miniature-{self.name}-{digest([self.name, self.seed, self.steps, VERSION, world.VERSION, *some])}"
