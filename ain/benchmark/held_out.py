"""Questions of one's own data that training has not seen: the validation split of the mixture."""

from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from heapq import nsmallest
from pathlib import Path

from ain import UserError
from ain.benchmark import Benchmark, Condition, Item
from ain.model.samples import ImageStores
from ain.runtime.ranges import Positive
from ain.scorer import Scorer
from ain.storage.record import Row
from ain.storage.shards import Shards
from ain.text.placeholders import frame_by_frame


class HeldOut(Benchmark):
    """Conversations about images that are in no training sample. Each turn is asked after the right answers of those before.

    limit: number of conversations, drawn at random but always the same; null: all.
    """

    name = "held_out"

    def __init__(
        self,
        limit: Positive | None = 500,
        images: tuple[Condition, ...] = ("shown",),
        max_new_tokens: Positive | None = None,
        max_pixels: Positive | None = None,
        scorer: Scorer | None = None,
        also: dict[str, Scorer] | None = None,
        judged: bool = False,
    ) -> None:
        self.limit, self.images = limit, tuple(images)
        self.max_new_tokens, self.max_pixels = max_new_tokens, max_pixels
        self.scorer, self.also, self.judged = scorer, also or {}, judged

    def items(self, mix: Path | None = None) -> Iterator[Item]:
        """Yield the questions. Language models are asked about images, so a video is shown as its frames, in order."""
        assert mix is not None
        stores = ImageStores(mix)
        chosen = set(self._chosen(mix))
        for row in Shards(mix).rows():
            if row["id"] in chosen:
                yield from _turns(row, stores)

    def _chosen(self, mix: Path) -> list[str]:
        rows = Shards(mix).rows(["id", "split"])
        found = (row["id"] for row in rows if row["split"] == "validation")
        ids = list(found) if self.limit is None else nsmallest(self.limit, found, key=_draw)
        if not ids:
            raise UserError(
                "benchmark=held_out: no conversation is held out, because the data have few images; raise mixture.validation, "
                "the share of images kept out of training"
            )
        return ids


def _draw(identifier: str) -> bytes:
    return blake2b(identifier.encode(), digest_size=8).digest()


def _turns(row: Row, stores: ImageStores) -> Iterator[Item]:
    images = tuple(partial(stores.bytes, image) for medium in row["media"] for image in medium["images"])
    turns = frame_by_frame(row["turns"], (len(one["images"]) for one in row["media"] if one["kind"] == "video"))
    for number, turn in enumerate(turns):
        name = f"{row['id']}/{number + 1}"
        yield Item(
            name,
            row["domain"],
            row["language"],
            row["part"],
            turn["question"],
            (turn["answer"],),
            images,
            turns[:number],
        )
