"""Which images go with a question: its own, those of another question, or grey ones."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from io import BytesIO
from random import Random

from PIL import Image

from ain import UserError
from ain.benchmark import Benchmark, Condition, Item, Loader
from ain.model.samples import blank
from ain.storage.images import decode, png


@dataclass(frozen=True)
class Asked:
    """A question with the images to show under one condition."""

    item: Item
    condition: Condition
    images: tuple[Loader, ...]

    def opened(self, max_side: int | None) -> list[bytes]:
        """Return its images, none with a longer side than max_side. Raise OSError or BadImage for one that cannot be read."""
        return [_shrunk(load(), max_side) for load in self.images]


def questions(benchmark: Benchmark, items: Iterable[Item]) -> list[Asked]:
    """Return all questions under all conditions. Under others than `shown`, those without images are left out."""
    given = list(items)
    seeing = [item for item in given if item.images]
    made = []
    for condition in benchmark.images:
        if condition == "shown":
            made += [Asked(item, condition, item.images) for item in given]
        else:
            made += _shuffled(seeing) if condition == "shuffled" else _blank(seeing)
    return made


def _blank(items: list[Item]) -> Iterator[Asked]:
    grey = {load: cache(partial(_grey, load)) for item in items for load in item.images}
    return (Asked(item, "blank", tuple(grey[load] for load in item.images)) for item in items)


def _grey(load: Loader) -> bytes:
    return png(blank(decode(load())))


def _shuffled(items: list[Item]) -> Iterator[Asked]:
    """Pair each question with the images of another one of its domain that has as many."""
    alike: dict[tuple[str, int], dict[tuple[Loader, ...], None]] = defaultdict(dict)
    for item in items:
        alike[item.domain, len(item.images)][item.images] = None
    if any(len(images) < 2 for images in alike.values()):
        raise UserError(
            "benchmark.images=shuffled needs two images in each domain; ask more questions "
            "(benchmark.scenes, benchmark.limit)"
        )
    random = Random(0)
    for item in items:
        others = [images for images in alike[item.domain, len(item.images)] if images != item.images]
        yield Asked(item, "shuffled", random.choice(others))


def _shrunk(data: bytes, max_side: int | None) -> bytes:
    if max_side is None:
        return data
    with Image.open(BytesIO(data)) as image:
        if max(image.size) <= max_side:
            return data
    return png(within(decode(data), max_side))


def within(image: Image.Image, side: int) -> Image.Image:
    """Return the image, shrunk if its longer side is longer than this."""
    if max(image.size) <= side:
        return image
    share = side / max(image.size)
    return image.resize(
        (max(1, round(image.width * share)), max(1, round(image.height * share))), Image.Resampling.BICUBIC
    )
