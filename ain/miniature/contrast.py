"""Training data and loss of the miniature encoder: turns in both languages, with negatives that differ by a word."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from random import Random

import torch

from ain.miniature.world import World

# Target similarities of right and wrong translations; the paper's threshold of 0.80 lies between them.
GOOD, BAD = 0.91, 0.40


class Turns:
    """Distinct (English, Arabic) turns, question and answer as one text, grouped by the kind of question."""

    def __init__(self, world: World, seed: int, scenes: int = 600) -> None:
        self.random = Random(seed)
        kinds: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        for domain in world.domains:
            for scene in islice(world.scenes("encoder", domain), scenes):
                for q in scene.questions:
                    kinds[domain, q.kind][f"{q.question} {q.answer}"] = f"{q.question_ar} {q.answer_ar}"
        self.kinds = [list(pairs.items()) for pairs in kinds.values()]

    def texts(self) -> Iterator[str]:
        return (text for pairs in self.kinds for pair in pairs for text in pair)

    def batch(self, size: int) -> list[tuple[str, str]]:
        """Return a batch of distinct turns: half from one kind of question, half from another."""
        made: dict[str, str] = {}
        for pairs in self.random.choices(self.kinds, weights=[len(pairs) ** 0.5 for pairs in self.kinds], k=2):
            made.update(self.random.sample(pairs, min(size // 2, len(pairs))))
        return list(made.items())


def contrastive_loss(english: torch.Tensor, arabic: torch.Tensor, scale: float = 20.0) -> torch.Tensor:
    """Return InfoNCE over the batch in both directions, plus penalties: right pairs below GOOD, hard negatives above BAD."""
    cosine = torch.nn.functional.normalize(english, dim=1) @ torch.nn.functional.normalize(arabic, dim=1).T
    right = torch.arange(len(cosine))
    ranking = sum(torch.nn.functional.cross_entropy(scale * scores, right) for scores in (cosine, cosine.T)) / 2
    own = cosine.diagonal()
    others = (cosine - 2 * torch.eye(len(cosine))).amax(dim=1)
    return ranking + 10 * (torch.relu(GOOD - own) ** 2 + torch.relu(others - BAD) ** 2).mean()
