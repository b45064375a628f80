"""Chat models on this machine: batches answer as one by one, with images and without, through the translator too."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ain.chat import Reply, Request, image_part
from ain.chat.local import TransformersChat
from ain.engine.local import Local
from ain.miniature import tiny
from ain.model.qwen2_vl import Qwen2VLProcessor
from ain.stages.translate import translate
from ain.storage.images import png
from ain.storage.record import RECORD
from ain.storage.shards import Shards
from ain.translator.chat import ChatTranslator

TEXTS = ["What is this?", "How many cats are there in this large image?", "Why?"]


@pytest.fixture(scope="module")
def language_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A causal language model of no sense, in the format of the real ones."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("language_model")
    tokenizer = tiny.chat_tokenizer(TEXTS, 300)
    size = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    }
    Qwen2ForCausalLM(Qwen2Config(vocab_size=len(tokenizer), **size)).save_pretrained(path)
    tokenizer.save_pretrained(path)
    return str(path)


def asked(chat: Any, requests: list[Request], tmp_path: Path) -> list[Reply]:
    replies: dict[str, Reply] = {}
    chat.ask(iter(requests), lambda request, reply: replies.update({request.key: reply}), tmp_path)
    return [replies[request.key] for request in requests]


def plain(replies: list[Reply]) -> list[tuple[Any, ...]]:
    return [(reply.text, reply.finish, reply.prompt_tokens, reply.completion_tokens) for reply in replies]


def test_a_batch_answers_as_one_by_one(language_model: str, tmp_path: Path) -> None:
    requests = [Request(text, [{"role": "user", "content": text}], 5 + i) for i, text in enumerate(TEXTS)]
    together = asked(TransformersChat(language_model, batch_size=8, device="cpu"), requests, tmp_path)
    assert plain(together) == plain(
        asked(TransformersChat(language_model, batch_size=1, device="cpu"), requests, tmp_path)
    )
    assert [reply.completion_tokens for reply in together] == [5, 6, 7]
    assert {reply.finish for reply in together} == {"length"}
    assert together[1].prompt_tokens > together[2].prompt_tokens


def test_pictures_are_seen(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    tokenizer = tiny.chat_tokenizer(TEXTS, 300)
    model = tiny.qwen2_vl(tokenizer)
    for name, parameter in model.named_parameters():  # untrained, it would hardly look
        if "merger" in name or "patch_embed" in name:
            parameter.data *= 30
    model.save_pretrained(tmp_path)
    tiny.save_processor(tokenizer, tmp_path)
    requests = [
        Request(
            colour,
            [
                {
                    "role": "user",
                    "content": [
                        image_part(png(Image.new("RGB", (56, 56), colour))),
                        {"type": "text", "text": TEXTS[0]},
                    ],
                }
            ],
            6,
        )
        for colour in ("red", "blue", "white", "black")
    ]
    checkpoint = str(tmp_path)
    chat = TransformersChat(checkpoint, Qwen2VLProcessor(checkpoint), batch_size=4, device="cpu")
    together = asked(chat, requests, tmp_path)
    assert plain(together) == plain([reply for r in requests for reply in asked(chat, [r], tmp_path)])
    assert len({reply.text for reply in together}) > 1


def test_a_local_chat_model_translates(language_model: str, tmp_path: Path) -> None:
    """What a senseless model says is rejected with its reasons, and is not asked for again."""
    record = {
        **dict.fromkeys(RECORD.names),
        "id": "a",
        "language": "en",
        "turns": [{"question": "What is this?", "answer": "7"}],
    }
    Shards(tmp_path / "collect").create().write(0, [record])
    prompt = {"system": None, "user": "Translate: {text}"}

    def chat(**settings: Any) -> TransformersChat:
        return TransformersChat(device="cpu", **settings)

    def run(name: str) -> dict[str, Any]:
        translator = ChatTranslator(chat, prompt, unit="text", answer="plain", checkpoint=language_model)
        return translate(tmp_path / "collect", translator, Local(), tmp_path / "data" / name)

    counts = run("one")
    assert (counts["input"], counts["rejected"], counts["requests"]) == (1, 1, 1)
    assert Shards(tmp_path / "data" / "one").read(0, part="rejected")[0]["reasons"][0].startswith("cut off")
    assert run("two")["requests"] == 0
