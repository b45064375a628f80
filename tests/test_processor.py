"""The processor: tokens, placeholders, labels, pixels."""

from pathlib import Path
from random import Random

import pytest
import torch
from PIL import Image
from tiny_qwen import checkpoint

from ain import UserError
from ain.model.conversation import Message, conversation
from ain.model.processor import IGNORE, Medium, Unusable
from ain.model.qwen2_vl import Qwen2VL, Qwen2VLProcessor
from ain.model.qwen2_vl.sizes import patches_of, resized
from ain.model.qwen3_vl import Qwen3VLProcessor


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return checkpoint("qwen2_vl", tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def processor(base: str) -> Qwen2VLProcessor:
    return Qwen2VLProcessor(base, max_pixels=50_176)


TALK = [{"question": "<image>\nWhat colour?", "answer": "red"}, {"question": "ما اللون؟", "answer": "أحمر"}]


def test_labels_are_the_answers_and_their_ends(processor: Qwen2VLProcessor) -> None:
    tokens = processor.tokenize(conversation(TALK), [(56, 56)])
    labelled = [label for label in tokens.labels if label != IGNORE]
    assert processor.tokenizer.decode(labelled) == "red<|im_end|>أحمر<|im_end|>"
    assert all(label in (IGNORE, token) for token, label in zip(tokens.input_ids, tokens.labels, strict=True))


@pytest.mark.parametrize("size", [(56, 56), (84, 56), (300, 40), (1000, 1000), (20, 20)])
def test_a_picture_takes_as_many_tokens_as_it_has_features(processor: Qwen2VLProcessor, size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, "red")
    tokens = processor.tokenize(conversation(TALK[:1]), [image.size])
    pixels = processor.pixels([image], tokens.media)
    theirs = processor.image_processor([image], return_tensors="pt")
    assert torch.equal(pixels, theirs["pixel_values"])
    assert tuple(theirs["image_grid_thw"][0].tolist()) == tokens.media[0].shape
    assert tokens.input_ids.count(processor.image_token_id) * 4 == len(pixels)
    assert len(pixels) * 14 * 14 <= 50_176


def test_images_are_resized_as_transformers_does(processor: Qwen2VLProcessor, base: str) -> None:
    """Sizes are computed without transformers' image processor, which takes seconds to import."""
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

    draw = Random(0)
    for _ in range(2_000):
        height = draw.randint(1, 3_000)
        width = draw.randint(-(-height // 190), height * 190)
        bounds = draw.randint(1, 5_000), draw.randint(5_000, 500_000)
        assert resized(height, width, 28, *bounds) == smart_resize(height, width, 28, *bounds)
    theirs = processor.image_processor
    assert patches_of(base) == (theirs.patch_size, theirs.temporal_patch_size, theirs.merge_size)


def test_several_pictures_in_several_turns(processor: Qwen2VLProcessor) -> None:
    talk = [{"question": "<image><image>\nSame?", "answer": "no"}, {"question": "And <image> here?", "answer": "yes"}]
    tokens = processor.tokenize(conversation(talk), [(56, 56), (56, 84), (84, 84)])
    assert tokens.input_ids.count(processor.image_token_id) == 4 + 6 + 9


def test_frames_are_taken_two_by_two(processor: Qwen2VLProcessor) -> None:
    """An even frame fills the first half of a patch, the next frame the second; a single last frame is used twice."""
    talk = [{"question": "<video>\nWhat happens?", "answer": "nothing"}, {"question": "<image>", "answer": "red"}]
    frames = [Image.new("RGB", (100, 60), colour) for colour in ("red", "blue", "green")]
    tokens = processor.tokenize(conversation(talk), [(100, 60), (56, 56)], [3, 1])
    assert [layout.shape for layout in tokens.media] == [(2, 4, 8), (1, 4, 4)]
    assert tokens.input_ids.count(processor.video_token_id) == 16
    pixels = processor.pixels([*frames, Image.new("RGB", (56, 56))], tokens.media)
    one = processor.layout(Medium("image", (112, 56)))
    assert one.shape == (1, 4, 8)
    alone = [processor.pixels([frame], [one]).view(32, 3, 2, 196) for frame in frames]
    video = pixels[:64].view(2, 32, 3, 2, 196)
    for pair, (first, second) in enumerate([(0, 1), (2, 2)]):
        assert torch.equal(video[pair, :, :, 0], alone[first][:, :, 0])
        assert torch.equal(video[pair, :, :, 1], alone[second][:, :, 1])


def test_what_is_too_long_gets_smaller_images(base: str) -> None:
    sizes = [(500, 400), (200, 300)]
    talk = [{"question": "<image><image>\nWhich?", "answer": "red"}]
    small = Qwen2VLProcessor(base, max_pixels=50_176, max_length=40)
    tokens = small.tokenize(conversation(talk), sizes)
    assert len(tokens.input_ids) <= 40
    visual = sum(layout.tokens for layout in tokens.media)
    assert tokens.input_ids.count(small.image_token_id) == visual
    assert len(small.pixels([Image.new("RGB", size) for size in sizes], tokens.media)) == 4 * visual
    assert (
        len(
            Qwen2VLProcessor(base, max_pixels=50_176, max_length=40, too_long="reject")
            .tokenize(conversation(talk), sizes)
            .input_ids
        )
        > 40
    )
    long = [{"question": "<image>\n" + "why " * 60, "answer": "red"}]
    assert len(small.tokenize(conversation(long), sizes[:1]).input_ids) > 40


def test_a_template_that_changes_answers_is_refused(processor: Qwen2VLProcessor, base: str) -> None:
    other = Qwen2VLProcessor(base)
    other.tokenizer.chat_template = processor.tokenizer.chat_template.replace("part.text", "part.text | upper")
    with pytest.raises(UserError, match="changes the answers"):
        other.tokenize(conversation(TALK), [(56, 56)])


def test_freezing(base: str, processor: Qwen2VLProcessor) -> None:
    model_family = Qwen2VL(base, processor, freeze_vision=True, freeze_projector=True)
    model = model_family.load()
    assert {model_family.part(name) for name, p in model.named_parameters() if p.requires_grad} == {"language"}
    with pytest.raises(UserError, match="all parts are frozen"):
        Qwen2VL(base, processor, freeze_vision=True, freeze_projector=True, freeze_language=True)


def test_a_checkpoint_with_a_missing_weight_is_refused(base: str, processor: Qwen2VLProcessor, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file, save_file

    shutil.copytree(base, tmp_path / "torn")
    weights = load_file(tmp_path / "torn" / "model.safetensors")
    weights.pop(next(name for name in weights if "visual" in name))
    save_file(weights, tmp_path / "torn" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="not a checkpoint of this model"):
        Qwen2VL(str(tmp_path / "torn"), processor, dtype="float32").load()


def test_an_export_is_complete(pico: Path) -> None:
    processor = Qwen2VLProcessor(str(next((pico / "checkpoints").glob("miniature-base-*"))))
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
        Qwen2VLProcessor(str(checkpoint)).tokenize(conversation(TALK), [(56, 56)]).labels
        == processor.tokenize(conversation(TALK), [(56, 56)]).labels
    )
    one = Qwen2VL(str(checkpoint), processor, dtype="float32").load()
    assert torch.isfinite(one.model.language_model.embed_tokens.weight).all()


def test_qwen3_writes_the_times_of_a_video_into_the_text(tmp_path: Path) -> None:
    processor = Qwen3VLProcessor(checkpoint("qwen3_vl", tmp_path), video_max_pixels=4_096)
    talk = [{"question": "<video>\nAnd now?<image>", "answer": "red"}]
    tokens = processor.tokenize(conversation(talk), [(64, 64), (64, 64)], [5, 1], [2.0, None])
    seen = "<|vision_start|>" + 4 * "<|video_pad|>" + "<|vision_end|>"
    image = "<|vision_start|>" + 4 * "<|image_pad|>" + "<|vision_end|>"
    times = "".join(f"<{time} seconds>{seen}" for time in ("0.2", "1.2", "2.0"))  # the last frame has no partner
    text = f"<|im_start|>{times}And now?{image}\nred<|im_end|>"
    assert processor.tokenizer.decode(tokens.input_ids) == text
    with pytest.raises(Unusable, match="frame rate is unknown"):
        processor.tokenize(conversation(talk), [(64, 64), (64, 64)], [5, 1])


def test_a_typed_placeholder_is_no_image(processor: Qwen2VLProcessor) -> None:
    with pytest.raises(UserError, match="2 places for 1 images"):
        processor.tokenize(conversation([{"question": "<image> or <|image_pad|>?", "answer": "no"}]), [(56, 56)])


class TextProcessor(Qwen2VLProcessor):
    """A family whose chat template takes text instead of lists, and whose answers do not end with the end-of-text token."""

    end_of_answer = "<turn|>"

    def prepared(self, messages: list[Message], media: list[Medium]) -> list[Message]:
        def text(part: dict[str, str]) -> str:
            return part.get("text") or "<|image_pad|>"

        return [{**message, "content": "".join(map(text, message["content"]))} for message in messages]


def test_templates_that_take_text(base: str) -> None:
    processor = TextProcessor(base)
    processor.tokenizer.chat_template = "{% for m in messages %}{{ m.role }}: {{ m.content }}<turn|>\n{% endfor %}"
    tokens = processor.tokenize(conversation(TALK), [(56, 56)])
    labelled = [label for label in tokens.labels if label != IGNORE]
    assert processor.tokenizer.decode(labelled) == "red<turn|>أحمر<turn|>"
    assert tokens.input_ids.count(processor.image_token_id) == 4
