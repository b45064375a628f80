"""Equal images of a batch go through the vision tower once, and the logits are those of a batch without this."""

from typing import Any

import pytest
import torch
from test_families import drawn, sample
from tiny_qwen import FAMILIES, checkpoint, family

from ain.model.base import ModelFamily
from ain.model.shared_images import share_images


@pytest.fixture(params=list(FAMILIES))
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelFamily:
    return family(request.param, checkpoint(request.param, tmp_path_factory.mktemp(request.param)))


def loaded(kind: ModelFamily) -> Any:
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(kind.checkpoint).eval()


def logits(model: Any, batch: dict[str, Any]) -> torch.Tensor:
    with torch.inference_mode():
        return model(**{name: value for name, value in batch.items() if name != "labels"}, use_cache=False).logits


def test_logits_are_those_of_images_computed_one_by_one(kind: ModelFamily) -> None:
    """Two images of one size, one of them three times, and one of another size."""
    first, second, wide = drawn(84, 56, 0), drawn(84, 56, 1), drawn(140, 56, 2)
    asked = [("What is it?", [first]), ("And now?", [second]), ("What is it?", [wide, first]), ("And now?", [first])]
    samples = [sample(kind, ["<image>" * len(images) + text], images) for text, images in asked]
    images = [image for _, of in samples for image in of]
    batch = kind.processor.collate([tokens for tokens, _ in samples], images)
    model = loaded(kind)
    expected = logits(model, batch)
    tower, seen = model.base_model.visual, []
    original = tower.forward
    tower.forward = lambda patches, **given: seen.append(len(patches)) or original(patches, **given)
    share_images(tower)
    found = logits(model, batch)
    sizes = batch["image_grid_thw"].prod(dim=-1).tolist()
    assert (len(sizes), seen) == (5, [sizes[0] + sizes[1] + sizes[2]])
    mask = batch["attention_mask"].bool()
    assert torch.allclose(found[mask], expected[mask], atol=1e-5)


def test_different_images_are_computed_together(kind: ModelFamily) -> None:
    samples = [sample(kind, ["<image>What is it?"], [drawn(84, 56, seed)]) for seed in range(3)]
    batch = kind.processor.collate([tokens for tokens, _ in samples], [of[0] for _, of in samples])
    model = loaded(kind)
    expected = logits(model, batch)
    share_images(model.base_model.visual)
    assert torch.equal(logits(model, batch), expected)
