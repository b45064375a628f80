"""Data for the training benchmarks: a tiny Qwen2-VL with the real chat format, and samples with lengths.yaml's lengths.

The words come from the drawn world, in English and Arabic; the images are its scenes, enlarged.

    python benchmarks/training/data.py DIR --samples 600    # DIR/checkpoint, DIR/data/{train,validation}.jsonl, images
"""

import argparse
import json
import math
import random
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from ain.miniature import tiny
from ain.miniature.world import DOMAINS, World

CHATML = r"""
{%- for message in messages -%}
{%- if loop.first and message.role != "system" -%}
{{ "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n" }}
{%- endif -%}
{{ "<|im_start|>" + message.role + "\n" }}
{%- if message.content is string -%}
{{ message.content }}
{%- else -%}
{%- for part in message.content -%}
{{ "<|vision_start|><|" + part.type + "_pad|><|vision_end|>" if part.type in ("image", "video") else part.text }}
{%- endfor -%}
{%- endif -%}
{{ "<|im_end|>\n" }}
{%- endfor -%}
{{ "<|im_start|>assistant\n" if add_generation_prompt }}
"""
LENGTHS = yaml.safe_load((Path(__file__).parent / "lengths.yaml").read_text(encoding="utf-8"))


def checkpoint(directory: Path, seed: int = 0) -> None:
    """Save a Qwen2-VL of 7.3M parameters: text 6 x 256, vision 4 x 128. The embedding has unused rows, like the real one."""
    import torch
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    torch.manual_seed(seed)
    tokenizer = tiny.chat_tokenizer(_texts(seed), 2_000)
    tokenizer.chat_template = CHATML
    token = tokenizer.convert_tokens_to_ids
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": 8_192,
            "hidden_size": 256,
            "intermediate_size": 704,
            "num_hidden_layers": 6,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "max_position_embeddings": 2048,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0, "mrope_section": [8, 12, 12]},
            "bos_token_id": token("<|endoftext|>"),
            "eos_token_id": token("<|im_end|>"),
            "pad_token_id": token("<|endoftext|>"),
        },
        vision_config={"depth": 4, "embed_dim": 128, "num_heads": 4, "mlp_ratio": 4, "hidden_size": 256},
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    Qwen2VLForConditionalGeneration(config).save_pretrained(directory)
    tiny.save_processor(tokenizer, directory)
    (directory / "chat_template.jinja").write_text(CHATML, encoding="utf-8")


def _texts(seed: int) -> list[str]:
    """Return single words, so that the vocabulary consists of words and word pieces."""
    scenes = [scene for domain in DOMAINS for scene in islice(World(seed).scenes("texts", domain), 100)]
    asked = [q for scene in scenes for q in scene.questions]
    return [
        f" {word}"
        for q in asked
        for text in (q.question, q.answer, q.question_ar, q.answer_ar)
        for word in text.split()
    ]


class Draw:
    """Draws samples in the messages format."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.directory = directory
        scenes = [scene for domain in DOMAINS for scene in islice(World(seed).scenes("bench", domain), 40)]
        self.images = [scene.images[0] for scene in scenes]
        asked = [q for scene in scenes for q in scene.questions]
        self.words = {
            "english": [word for q in asked for word in f"{q.question} {q.answer}".split()],
            "arabic": [word for q in asked for word in f"{q.question_ar} {q.answer_ar}".split()],
        }

    def sample(self, number: int) -> dict[str, Any]:
        language = "arabic" if self.random.random() < LENGTHS["arabic"] else "english"
        kinds = list(LENGTHS["kinds"].values())
        kind = self.random.choices(kinds, [kind["share"] for kind in kinds])[0]
        images = [self._image(number, i, kind["side"]) for i in range(self.random.randint(*kind["images"]))]
        messages = []
        for turn in range(self.random.randint(*kind["turns"])):
            question = "<image>" * len(images) * (turn == 0) + self._text(kind["question"], language)
            messages.append({"role": "user", "content": question})
            messages.append({"role": "assistant", "content": self._text(kind["answer"], language)})
        return {"id": str(number), "messages": messages, "images": images}

    def _text(self, length: dict[str, float], language: str) -> str:
        """Return consecutive words of the world's questions and answers."""
        factor = LENGTHS["arabic_factor"] if language == "arabic" else 1.0
        count = max(1, round(factor * self.random.lognormvariate(math.log(length["median"]), length["sigma"])))
        start = self.random.randrange(len(self.words[language]) - count)
        return " ".join(self.words[language][start : start + count])

    def _image(self, number: int, index: int, side: list[int]) -> str:
        name = f"{number}-{index}.png"
        width, height = (self.random.randint(*side) for _ in range(2))
        self.random.choice(self.images).resize((width, height)).save(self.directory / name)
        return name


def make(directory: Path, samples: int, validation: int = 64, seed: int = 0) -> None:
    data = directory / "data"
    data.mkdir(parents=True, exist_ok=True)
    checkpoint(directory / "checkpoint", seed)
    draw = Draw(data, seed)
    rows = [draw.sample(number) for number in range(samples + validation)]
    for name, part in (("train", rows[:samples]), ("validation", rows[samples:])):
        lines = (json.dumps(row, ensure_ascii=False) for row in part)
        (data / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--samples", type=int, default=600)
    chosen = parser.parse_args()
    make(chosen.directory, chosen.samples)
