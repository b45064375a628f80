"""All families: a packed row equals its samples alone, a batch answers like single requests, an export reloads."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny_qwen import FAMILIES, checkpoint, family
from torch.nn.functional import cross_entropy

from ain import UserError
from ain.chat import Request, image_part
from ain.chat.local import LocalModel
from ain.model import attention
from ain.model.base import ModelFamily
from ain.model.conversation import conversation
from ain.model.processor import IGNORE, Tokens
from ain.storage.images import png

Sample = tuple[Tokens, list[Image.Image]]


@pytest.fixture(scope="module", params=list(FAMILIES))
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModelFamily:
    return family(request.param, checkpoint(request.param, tmp_path_factory.mktemp(request.param)))


@pytest.fixture(scope="module")
def model(kind: ModelFamily) -> Any:
    return kind.load(say=False)


def sample(kind: ModelFamily, questions: list[str], images: list[Image.Image], *, frames: Any = None) -> Sample:
    turns = [{"question": question, "answer": ("red", "أحمر")[i % 2]} for i, question in enumerate(questions)]
    counts = frames or [1] * len(images)
    starts = [sum(counts[:i]) for i in range(len(counts))]
    sizes = [images[start].size for start in starts]
    rates = [1.5 if count > 1 else None for count in counts]
    return kind.processor.tokenize(conversation(turns), sizes, counts, rates), images


def drawn(width: int, height: int, seed: int) -> Image.Image:
    noise = torch.randint(0, 256, (height, width, 3), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
    return Image.fromarray(noise.numpy())


@pytest.fixture(scope="module")
def samples(kind: ModelFamily) -> list[Sample]:
    """Samples with one image, two images in two turns, a video and an image, and text only."""
    one, tall, wide = drawn(56, 56, 0), drawn(60, 150, 1), drawn(180, 90, 2)
    return [
        sample(kind, ["<image>\nWhat is it?"], [tall]),
        sample(kind, ["<image>What is it?", "And now? <image>"], [one, wide]),
        sample(kind, ["<video>And now?<image>"], [one, drawn(56, 56, 3), drawn(56, 56, 4), wide], frames=[3, 1]),
        sample(kind, ["What is it?", "ما هذا؟", "And now?"], []),
    ]


def alone(model: Any, kind: ModelFamily, one: Sample) -> torch.Tensor:
    """Return the logits [tokens, vocabulary] as the library itself computes them, including positions."""
    model.set_attn_implementation("sdpa")
    batch = kind.processor.collate([one[0]], one[1])
    batch.pop("labels")
    logits: torch.Tensor = model(**batch, use_cache=False).logits[0]
    return logits


def packed(model: Any, kind: ModelFamily, found: list[Sample]) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    batch = kind.processor.pack([tokens for tokens, _ in found], [images for _, images in found])
    return kind.logits(model, kind.hidden(model, batch)), batch["targets"], batch["bounds"]


@pytest.mark.parametrize("name", ["sdpa_packed", "sdpa", "eager"])
def test_logits_and_gradients_are_those_of_single_samples(
    name: str, kind: ModelFamily, model: Any, samples: list[Sample]
) -> None:
    model.zero_grad()
    singles = torch.cat([alone(model, kind, one) for one in samples])
    attention.use(model, name)
    row, targets, bounds = packed(model, kind, samples)
    assert bounds == [0, *torch.tensor([len(tokens.input_ids) for tokens, _ in samples]).cumsum(0).tolist()]
    assert len(targets) == len(row) == len(singles)
    torch.testing.assert_close(row, singles, atol=1e-4, rtol=1e-4)

    cross_entropy(singles, targets, ignore_index=IGNORE).backward()
    expected = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    cross_entropy(row, targets, ignore_index=IGNORE).backward()
    for parameter_name, parameter in model.named_parameters():
        scale = float(expected[parameter_name].abs().max())
        assert scale > 0, parameter_name
        torch.testing.assert_close(
            parameter.grad, expected[parameter_name], atol=1e-4 * scale, rtol=1e-3, msg=parameter_name
        )


def test_a_sample_does_not_see_its_neighbours(kind: ModelFamily, model: Any, samples: list[Sample]) -> None:
    attention.use(model, "sdpa_packed")
    rows = [packed(model, kind, [neighbour, samples[1]])[0] for neighbour in (samples[0], samples[3])]
    length = len(samples[1][0].input_ids)
    torch.testing.assert_close(rows[0][-length:], rows[1][-length:], atol=1e-5, rtol=1e-4)


def test_images_are_seen(kind: ModelFamily, model: Any, samples: list[Sample]) -> None:
    """If images had no effect, the comparisons above would prove little."""
    tokens, images = samples[0]
    other = (tokens, [drawn(*images[0].size, 9)])
    assert not torch.allclose(alone(model, kind, (tokens, images)), alone(model, kind, other), atol=1e-2)


def test_a_row_without_images_runs_the_vision_part_and_is_not_moved_by_it(
    kind: ModelFamily, model: Any, samples: list[Sample]
) -> None:
    attention.use(model, "sdpa_packed")
    model.zero_grad()
    logits, targets, bounds = packed(model, kind, samples[3:])
    length = len(samples[3][0].input_ids)
    assert (len(logits), bounds) == (length + 1, [0, length, length + 1])
    cross_entropy(logits, targets, ignore_index=IGNORE).backward()
    seeing = [parameter.grad for name, parameter in model.named_parameters() if kind.part(name) != "language"]
    assert all(gradient is not None and not gradient.any() for gradient in seeing)
    torch.testing.assert_close(logits[:-1], alone(model, kind, samples[3]), atol=1e-5, rtol=1e-4)


def answers(kind: ModelFamily, asked: list[tuple[str, list[Image.Image]]], batch_size: int, where: Path) -> list[str]:
    requests = []
    for i, (text, images) in enumerate(asked):
        content = [*(image_part(png(image)) for image in images), {"type": "text", "text": text}]
        requests.append(Request(str(i), [{"role": "user", "content": content}], 4))
    found: dict[str, str] = {}
    local = LocalModel(kind.checkpoint, kind.processor, batch_size=batch_size, device="cpu")
    local.generate(requests, lambda request, reply: found.update({request.key: reply.text}), where)
    return [found[request.key] for request in requests]


@pytest.mark.parametrize("count", [50, pytest.param(200, marks=pytest.mark.slow)])
def test_a_padded_batch_answers_as_one_by_one(count: int, kind: ModelFamily, tmp_path: Path) -> None:
    """Questions have one image, two, or none, and very different lengths."""
    words = ["What", "is", "it?", "And", "now?", "ما", "هذا؟", "Which", "is", "larger,", "and", "why?"]
    asked = []
    for i in range(count):
        images = [drawn(40 + 7 * (i % 9), 50 + 11 * (i % 7), i + j) for j in range(i % 3)]
        text = " ".join(words[(i + k) % len(words)] for k in range(1 + i % 11))
        asked.append((text, images))
    together, single = (answers(kind, asked, size, tmp_path) for size in (32, 1))
    assert together == single
    assert len(set(single)) > 10


def test_an_export_reloads_in_transformers_own_classes(
    kind: ModelFamily, samples: list[Sample], tmp_path: Path
) -> None:
    from transformers import AutoModelForImageTextToText

    trained = kind.trained(kind.load(say=False).state_dict())
    with torch.no_grad():
        trained.model.language_model.norm.weight.mul_(1.5)
    kind.export(trained, tmp_path)
    reloaded: Any = AutoModelForImageTextToText.from_pretrained(tmp_path, dtype="auto")
    assert reloaded.config.model_type == kind.model_type
    assert torch.equal(alone(trained, kind, samples[1]), alone(reloaded, kind, samples[1]))
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {path.name for path in Path(kind.checkpoint).iterdir()}
    assert {"generation_config.json", "chat_template.jinja", "preprocessor_config.json"} <= names
    assert torch.equal(alone(kind.reload(tmp_path), kind, samples[0]), alone(trained, kind, samples[0]))


def test_every_adapter_is_bound_and_changes_the_logits(kind: ModelFamily, samples: list[Sample]) -> None:
    pytest.importorskip("peft", reason="peft is not installed")
    lora: Any = {"rank": 2, "alpha": 8, "dropout": 0.0, "target_modules": "all-linear"}
    adapted = family(kind.model_type, kind.checkpoint, lora=lora)
    plain = adapted.load(say=False)
    weights = plain.state_dict()
    keys = [key for key in weights if "lora_B" in key]
    assert {adapted.part(key) for key in keys} == {"vision", "projector", "language"}
    with pytest.raises(RuntimeError, match="do not fit the model"):
        adapted.trained({key.replace("lora_B", "lora_Z"): value for key, value in weights.items()})
    attention.use(plain, "sdpa_packed")
    with torch.no_grad():
        before = packed(plain, adapted, samples)[0]
        for key in keys:
            parameter = plain.get_parameter(key)
            parameter.fill_(0.5)
            after = packed(plain, adapted, samples)[0]
            parameter.zero_()
            assert not torch.equal(before, after), key
    changed = {key: torch.full_like(value, 0.05) if "lora_B" in key else value for key, value in weights.items()}
    merged = adapted.trained(changed)
    assert not [key for key in merged.state_dict() if "lora" in key]
    assert not torch.allclose(alone(merged, kind, samples[0]), before[: len(samples[0][0].input_ids)], atol=1e-3)


def test_a_checkpoint_of_another_family_is_refused(kind: ModelFamily) -> None:
    other = next(name for name in FAMILIES if name != kind.model_type)
    expected = (
        rf"it is of the type {kind.model_type}, .* loads {other}; the families are qwen2_5_vl, qwen2_vl, qwen3_vl"
    )
    with pytest.raises(UserError, match=expected):
        family(other, kind.checkpoint).load(say=False)


def test_parts_and_sizes(kind: ModelFamily, model: Any) -> None:
    """Every parameter is counted once, in its own part."""
    size = kind.size(model.config)
    by_part = dict.fromkeys(("vision", "projector", "language"), 0)
    for name, parameter in model.named_parameters():
        by_part[kind.part(name)] += parameter.numel()
    assert (size.vision, size.projector) == (by_part["vision"], by_part["projector"])
    assert size.language + size.embedding + size.head == by_part["language"]
    projectors = {name.split(".")[2] for name, _ in model.named_parameters() if kind.part(name) == "projector"}
    assert projectors == ({"merger", "deepstack_merger_list"} if kind.model_type == "qwen3_vl" else {"merger"})
    assert kind.trainable(model.config) == size.all
    assert size.queries == 64


class Leaking(FAMILIES["qwen2_vl"][0]):  # type: ignore[misc,name-defined]
    leak = "its linear-attention layers carry their state from one sample to the next"


def test_a_family_whose_layers_leak_refuses_packing(tmp_path: Path) -> None:
    kind = Leaking("any", FAMILIES["qwen2_vl"][1]("any"))
    with pytest.raises(UserError, match=r"trainer.packing=true: .* linear-attention .* set trainer.packing=false"):
        kind.check(gpu=False, bf16=False, shared_rows=True)
    kind.check(gpu=False, bf16=False, shared_rows=False)
