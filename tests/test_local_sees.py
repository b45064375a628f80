"""Local vision models: batches of mixed questions answer and score exactly like single ones in plain transformers."""

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from ain.chat import Reply, Request, image_part, user_message
from ain.chat.local import LocalModel
from ain.miniature import tiny
from ain.model.conversation import conversation
from ain.model.qwen2_vl import Qwen2VLProcessor
from ain.storage.images import png

TEXTS = ["What is this?", "How many cats are there in this large image?", "Why?", "Same?"]
SIZES = [(56, 56), (56, 140), (112, 84)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny random Qwen2-VL with large weights: with small ones it would answer the same for every image."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("sees")
    tokenizer = tiny.chat_tokenizer(TEXTS, 300)
    model = tiny.qwen2_vl(tokenizer)
    for name, parameter in model.named_parameters():
        parameter.data *= 30 if "merger" in name or "patch_embed" in name else 2
    model.save_pretrained(path)
    tiny.save_processor(tokenizer, path)
    return str(path)


def mixed(count: int) -> list[tuple[str, list[Image.Image]]]:
    """Return questions with no image, one or two, in several sizes."""
    draw = random.Random(0)
    made = []
    for _ in range(count):
        images = [
            Image.frombytes("RGB", (4, 4), draw.randbytes(48)).resize(draw.choice(SIZES))
            for _ in range(draw.choice([0, 1, 1, 2]))
        ]
        made.append(("<image>" * len(images) + "\n" + " ".join(draw.choices(TEXTS, k=draw.randint(1, 3))), images))
    return made


def messages(question: str, images: list[Image.Image]) -> list[dict[str, Any]]:
    return [user_message(question, [image_part(png(image)) for image in images])]


def plainly(checkpoint: str, asked: list[tuple[str, list[Image.Image]]], tokens: int) -> list[str]:
    """Answer the questions one by one, using only the processor from this project."""
    from transformers import AutoModelForImageTextToText

    model, processor = AutoModelForImageTextToText.from_pretrained(checkpoint).eval(), Qwen2VLProcessor(checkpoint)
    made = []
    for question, images in asked:
        turns = conversation([{"question": question, "answer": ""}])
        batch = processor.collate([processor.tokenize(turns, [image.size for image in images])], images)
        batch.pop("labels")
        with torch.inference_mode():
            out = model.generate(**batch, do_sample=False, max_new_tokens=tokens)
        made.append(processor.tokenizer.decode(out[0, batch["input_ids"].shape[1] :], skip_special_tokens=True).strip())
    return made


def test_a_batch_of_mixed_questions_answers_as_one_by_one(checkpoint: str, tmp_path: Path) -> None:
    asked = mixed(40)
    requests = [Request(str(i), messages(*each), 6, id=each[0]) for i, each in enumerate(asked)]
    replies: dict[str, Reply] = {}
    model = LocalModel(checkpoint, Qwen2VLProcessor(checkpoint), batch_size=7, device="cpu")
    model.generate(iter(requests), lambda request, reply: replies.update({request.key: reply}), tmp_path)
    answers = [replies[request.key].text for request in requests]
    assert answers == plainly(checkpoint, asked, 6)
    assert len(set(answers)) > 30


def test_continuations_behind_images_are_scored_as_one_by_one(checkpoint: str) -> None:
    from transformers import AutoModelForImageTextToText

    plain, processor = AutoModelForImageTextToText.from_pretrained(checkpoint).eval(), Qwen2VLProcessor(checkpoint)
    asked, expected = [], []
    for number, (question, images) in enumerate(mixed(12)):
        continuation = TEXTS[number % len(TEXTS)]
        turns = conversation([{"question": question, "answer": ""}])
        batch = processor.collate([processor.tokenize(turns, [image.size for image in images])], images)
        batch.pop("labels")
        ids = processor.tokenizer(continuation, add_special_tokens=False)["input_ids"]
        start = batch["input_ids"].shape[1]
        for name, value in (
            ("input_ids", ids),
            ("attention_mask", [1] * len(ids)),
            ("mm_token_type_ids", [0] * len(ids)),
        ):
            batch[name] = torch.cat([batch[name], torch.tensor([value], dtype=batch[name].dtype)], dim=1)
        with torch.inference_mode():
            steps = plain(**batch).logits[0, start - 1 : -1].log_softmax(-1)
        expected.append(sum(float(steps[i, token]) for i, token in enumerate(ids)))
        asked.append((messages(question, images), continuation))
    for batch_size in (5, 1):
        scores = LocalModel(checkpoint, processor, batch_size=batch_size, device="cpu").loglikelihood(asked)
        assert [score.logprob for score in scores] == pytest.approx(expected, abs=1e-4)
        assert not any(score.is_greedy for score in scores)
