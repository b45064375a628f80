"""Tokens, placeholders, labels, pixels; checkpoints are complete."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from ain import UserError
from ain.model.processor import IGNORE, Processor, conversation
from ain.model.qwen2_vl import Qwen2VL, part_of


@pytest.fixture(scope="module")
def base(pico: Path) -> str:
    return str(next((pico / "checkpoints").glob("miniature-base-*")))


@pytest.fixture(scope="module")
def processor(base: str) -> Processor:
    return Processor(base, max_pixels=50_176)


TALK = [{"question": "<image>\nWhat colour?", "answer": "red"}, {"question": "ما اللون؟", "answer": "أحمر"}]


def test_labels_are_the_answers_and_their_ends(processor: Processor) -> None:
    tokens = processor.tokenize(conversation(TALK), [(56, 56)])
    labelled = [label for label in tokens.labels if label != IGNORE]
    assert processor.tokenizer.decode(labelled) == "red<|im_end|>أحمر<|im_end|>"
    assert all(label in (IGNORE, token) for token, label in zip(tokens.input_ids, tokens.labels, strict=True))


@pytest.mark.parametrize("size", [(56, 56), (84, 56), (300, 40), (1000, 1000), (20, 20)])
def test_a_picture_takes_as_many_tokens_as_it_has_features(processor: Processor, size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "red")
    tokens = processor.tokenize(conversation(TALK[:1]), [image.size])
    pixels = processor.pixels([image], tokens.grids)
    theirs = processor.image_processor([image], return_tensors="pt")
    assert torch.equal(pixels, theirs["pixel_values"])
    assert tuple(theirs["image_grid_thw"][0].tolist()) == tokens.grids[0]
    assert tokens.input_ids.count(processor.image_token_id) * 4 == len(pixels)
    assert len(pixels) * 14 * 14 <= 50_176


def test_several_pictures_in_several_turns(processor: Processor) -> None:
    talk = [{"question": "<image><image>\nSame?", "answer": "no"}, {"question": "And <image> here?", "answer": "yes"}]
    tokens = processor.tokenize(conversation(talk), [(56, 56), (56, 84), (84, 84)])
    assert tokens.input_ids.count(processor.image_token_id) == 4 + 6 + 9


def test_frames_are_taken_two_by_two(processor: Processor) -> None:
    """The first half of a patch is that of an even frame, the other that of the next; a last one alone stands twice."""
    talk = [{"question": "<video>\nWhat happens?", "answer": "nothing"}, {"question": "<image>", "answer": "red"}]
    frames = [Image.new("RGB", (100, 60), colour) for colour in ("red", "blue", "green")]
    tokens = processor.tokenize(conversation(talk), [(100, 60), (56, 56)], [3, 1])
    assert tokens.grids == [(2, 4, 8), (1, 4, 4)]
    assert tokens.input_ids.count(processor.video_token_id) == 16
    pixels = processor.pixels([*frames, Image.new("RGB", (56, 56))], tokens.grids, tokens.frames)
    alone = [processor.pixels([frame], [(1, 4, 8)]).view(32, 3, 2, 196) for frame in frames]
    video = pixels[:64].view(2, 32, 3, 2, 196)
    for pair, (first, second) in enumerate([(0, 1), (2, 2)]):
        assert torch.equal(video[pair, :, :, 0], alone[first][:, :, 0])
        assert torch.equal(video[pair, :, :, 1], alone[second][:, :, 1])


def test_what_is_too_long_gets_smaller_images(base: str) -> None:
    sizes = [(500, 400), (200, 300)]
    talk = [{"question": "<image><image>\nWhich?", "answer": "red"}]
    small = Processor(base, max_pixels=50_176, cutoff=40)
    tokens = small.tokenize(conversation(talk), sizes)
    assert len(tokens.input_ids) <= 40
    visual = sum(rows * columns // 4 for _, rows, columns in tokens.grids)
    assert tokens.input_ids.count(small.image_token_id) == visual
    assert len(small.pixels([Image.new("RGB", size) for size in sizes], tokens.grids)) == 4 * visual
    assert (
        len(
            Processor(base, max_pixels=50_176, cutoff=40, too_long="reject")
            .tokenize(conversation(talk), sizes)
            .input_ids
        )
        > 40
    )
    long = [{"question": "<image>\n" + "why " * 60, "answer": "red"}]
    assert len(small.tokenize(conversation(long), sizes[:1]).input_ids) > 40


def test_a_template_that_changes_answers_is_refused(processor: Processor, base: str) -> None:
    other = Processor(base)
    other.tokenizer.chat_template = processor.tokenizer.chat_template.replace("part.text", "part.text | upper")
    with pytest.raises(UserError, match="changes the answers"):
        other.tokenize(conversation(TALK), [(56, 56)])


def test_freezing(base: str, processor: Processor) -> None:
    model = Qwen2VL(base, processor, dtype="float32", freeze_vision=True, freeze_merger=True).load()
    assert {part_of(name) for name, p in model.named_parameters() if p.requires_grad} == {"language"}
    with pytest.raises(UserError, match="everything is frozen"):
        Qwen2VL(base, processor, dtype="float32", freeze_vision=True, freeze_merger=True, freeze_language=True).load()


def test_a_checkpoint_with_a_missing_weight_is_refused(base: str, processor: Processor, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(base, tmp_path / "torn")
    weights = load_file(tmp_path / "torn" / "model.safetensors")
    weights.pop(next(name for name in weights if "visual" in name))
    save_file(weights, tmp_path / "torn" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="not a checkpoint of this model"):
        Qwen2VL(str(tmp_path / "torn"), processor, dtype="float32").load()


def test_an_export_is_complete(pico: Path, processor: Processor) -> None:
    checkpoint = next((pico / "data").glob("*-train-*")) / "checkpoint"
    names = {path.name for path in checkpoint.iterdir()}
    assert {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "preprocessor_config.json",
        "video_preprocessor_config.json",
    } <= names
    assert {"chat_template.jinja", "README.md", "data_manifest.json", "generation_config.json"} <= names
    assert (
        Processor(str(checkpoint)).tokenize(conversation(TALK), [(56, 56)]).labels
        == processor.tokenize(conversation(TALK), [(56, 56)]).labels
    )
    one = Qwen2VL(str(checkpoint), processor, dtype="float32").load()
    assert torch.isfinite(one.model.language_model.embed_tokens.weight).all()
