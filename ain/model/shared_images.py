"""Run a vision tower once for each distinct image of a batch: several questions are often asked about one image."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any


def share_images(tower: Any) -> None:
    """Make a vision tower, called with the patches of all images and `grid_thw`, compute equal images once.

    Its outputs are those of all images, in order: rows of each tensor are repeated as images are.
    """
    forward = tower.forward

    def shared(patches: Any, grid_thw: Any, **given: Any) -> Any:
        firsts, places = _distinct(patches, grid_thw)
        if len(firsts) == len(places):
            return forward(patches, grid_thw=grid_thw, **given)
        import torch

        sizes = grid_thw.prod(dim=-1).tolist()
        few = torch.cat([patches.split(sizes)[i] for i in firsts])
        made = forward(few, grid_thw=grid_thw[firsts], **given)
        return _repeated(made, [sizes[i] for i in firsts], places)

    tower.forward = shared


def _distinct(patches: Any, grid_thw: Any) -> tuple[list[int], list[int]]:
    """Return (the first image of each kind, for each image its place among these)."""
    images = patches.split(grid_thw.prod(dim=-1).tolist())
    sums = _sums(images)
    alike: dict[Any, list[int]] = defaultdict(list)  # shape and sum → places of the distinct images
    firsts: list[int] = []
    places = []
    for number, (image, shape) in enumerate(zip(images, grid_thw.tolist(), strict=True)):
        candidates = alike[(*shape, sums[number])]
        place = next((place for place in candidates if image.equal(images[firsts[place]])), None)
        if place is None:
            place = len(firsts)
            firsts.append(number)
            candidates.append(place)
        places.append(place)
    return firsts, places


def _sums(images: Any) -> list[float]:
    """Return a number for each image that differs for most images, in one transfer from the device."""
    import torch

    return torch.stack([image.sum(dtype=torch.float32) for image in images]).tolist()  # type: ignore[no-any-return]


def _repeated(made: Any, sizes: list[int], places: list[int]) -> Any:
    """Return an output with the rows of each image repeated. Tensors have a row for each patch, or for several patches."""
    import torch

    if isinstance(made, torch.Tensor):
        share = sum(sizes) // len(made)
        parts = made.split([size // share for size in sizes])
        return torch.cat([parts[place] for place in places])
    if isinstance(made, Mapping):  # an output of transformers
        for name, value in made.items():
            made[name] = _repeated(value, sizes, places)  # type: ignore[index]
        return made
    if isinstance(made, list | tuple):
        return type(made)(_repeated(one, sizes, places) for one in made)
    return made
