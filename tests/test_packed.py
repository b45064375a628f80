"""A packed row is its samples each alone: the same logits, the same gradients, whichever attention."""

from pathlib import Path
from typing import Any

import mixed
import numpy as np
import pytest
import torch
from ain.model.packed import packed, rotary_positions
from torch.nn.functional import cross_entropy

from ain.model import attention
from ain.model.processor import IGNORE
from ain.model.qwen2_vl import Qwen2VL, Qwen2VLProcessor
from ain.model.samples import Samples

KINDS = (0, 1, 2, 25, 5)  # an image, several, a video with an image, text alone, another video


@pytest.fixture(scope="module")
def base(pico: Path) -> str:
    return str(next((pico / "checkpoints").glob("miniature-base-*")))


@pytest.fixture(scope="module")
def samples(base: str, tmp_path_factory: pytest.TempPathFactory) -> Samples:
    return Samples(mixed.prepared(base, tmp_path_factory.mktemp("mixed")), "train")


@pytest.fixture(scope="module")
def model(base: str, samples: Samples) -> Qwen2VL:
    return mixed.training(samples.directory, base, samples.directory.parent / "out").model


def alone(model: Any, kind: Qwen2VL, samples: Samples, index: int) -> torch.Tensor:
    """Logits [tokens, vocabulary] as the library itself computes them for one sample."""
    model.set_attn_implementation("sdpa")
    _, tokens, images = samples[index]
    batch = kind.processor.collate([tokens], images)
    batch.pop("labels")
    video = torch.tensor([tokens.input_ids]) == kind.processor.video_token_id
    batch["input_ids"][video] = kind.processor.video_token_id
    batch["mm_token_type_ids"][video] = 2
    if video.any():  # the library wants videos and images apart
        grids, patches = batch.pop("image_grid_thw"), batch.pop("pixel_values")
        counts = grids.prod(1).tolist()
        videos = [bool(count > 1) for count in tokens.frames or []]
        pieces = dict(zip(videos, patches.split(counts), strict=True))
        batch |= {"pixel_values_videos": pieces[True], "video_grid_thw": grids[videos]}
        batch |= {"pixel_values": pieces[False], "image_grid_thw": grids[[not video for video in videos]]}
    logits: torch.Tensor = model(**batch, use_cache=False).logits[0]
    return logits


@pytest.mark.parametrize("name", ["sdpa_packed", "sdpa", "eager"])
def test_logits_and_gradients_are_those_of_single_samples(name: str, model: Qwen2VL, samples: Samples) -> None:
    one = model.load(say=False)
    found = [samples[index] for index in KINDS]
    batch = packed([tokens for _, tokens, _ in found], [images for *_, images in found], model.processor)
    targets = batch.pop("targets")

    singles = torch.cat([alone(one, model, samples, index) for index in KINDS])
    cross_entropy(singles, targets, ignore_index=IGNORE).backward()
    expected = {name: parameter.grad.clone() for name, parameter in one.named_parameters()}
    one.zero_grad()

    one.set_attn_implementation({"text_config": name, "vision_config": name.removesuffix("_packed")})
    row = one(**batch, use_cache=False).logits[0]
    cross_entropy(row, targets, ignore_index=IGNORE).backward()
    torch.testing.assert_close(row, singles, atol=1e-4, rtol=1e-4)
    for parameter_name, parameter in one.named_parameters():
        torch.testing.assert_close(parameter.grad, expected[parameter_name], atol=1e-5, rtol=1e-3, msg=parameter_name)


def test_a_sample_does_not_see_its_neighbours(model: Qwen2VL, samples: Samples) -> None:
    one = model.load(say=False)
    rows = []
    for neighbour in (0, 25):
        found = [samples[index] for index in (neighbour, 1)]
        batch = packed([tokens for _, tokens, _ in found], [images for *_, images in found], model.processor)
        batch.pop("targets")
        rows.append(one(**batch, use_cache=False).logits[0, -len(found[1][1].input_ids) :])
    torch.testing.assert_close(*rows, atol=1e-5, rtol=1e-4)


def test_a_row_without_pictures_runs_the_vision_part_and_is_not_moved_by_it(model: Qwen2VL, samples: Samples) -> None:
    one = model.load(say=False)
    _, tokens, images = samples[25]
    assert not images
    batch = packed([tokens], [[]], model.processor)
    targets = batch.pop("targets")
    logits = one(**batch, use_cache=False).logits[0]
    assert len(logits) == len(tokens.input_ids) + 1
    cross_entropy(logits, targets, ignore_index=IGNORE).backward()
    seeing = [parameter.grad for name, parameter in one.named_parameters() if "visual" in name]
    assert all(gradient is not None and not gradient.any() for gradient in seeing)
    torch.testing.assert_close(logits[:-1], alone(one, model, samples, 25), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("grids", [[], [(1, 4, 6)], [(2, 4, 4), (1, 2, 2)], [(1, 2, 2), (1, 8, 2), (3, 2, 4)]])
def test_positions_are_those_that_the_model_would_count(model: Qwen2VL, grids: list[tuple[int, int, int]]) -> None:
    types: list[int] = [0, 0]
    for frames, height, width in grids:
        types += [1 if frames == 1 else 2] * (frames * height * width // 4) + [0, 0, 0]
    ids = torch.tensor([types])
    apart = {kind: torch.tensor([grid for grid in grids if (grid[0] > 1) == kind]) for kind in (False, True)}
    theirs, _ = model.load(say=False).model.get_rope_index(ids, ids, apart[False], apart[True])
    assert np.array_equal(theirs[:, 0].numpy(), rotary_positions(np.array(types) > 0, grids, 2))


def test_attention_is_chosen_with_a_reason() -> None:
    chosen = attention.choose("auto", gpu=False, half=True)
    assert chosen == ("sdpa_packed", "flash_attention_2 cannot run: it needs a GPU")
    assert attention.choose("eager", gpu=False, half=False)[0] == "eager"
    assert "bfloat16" in attention.choose("auto", gpu=True, half=False)[1]
    with pytest.raises(Exception, match=r"flash_attention_3: it needs a GPU; set model.attention=sdpa"):
        attention.choose("flash_attention_3", gpu=False, half=True)
    with pytest.raises(Exception, match=r"choose one of auto, flash_attention_2"):
        Qwen2VL("any", Qwen2VLProcessor("any"), attention="flash")
