"""Questions per second of `predict` beside a plain loop of batches, and beside lmms-eval's own class for Qwen2-VL.

    python benchmarks/evaluate.py                    a few minutes on two cores
    python benchmarks/evaluate.py --peer PYTHON      also lmms-eval 0.7.3, in an interpreter that has it with torchvision,
                                                     decord and qwen-vl-utils, each without what it depends on

The tiny Qwen2-VL answers questions of the miniature's benchmark, several about each image, of images between 56 and 448
pixels, mixed with text of different lengths. All give the same checkpoint the same questions on one device, and start
counting when the model is loaded. The plain loop has the batch size that we have, in the order of the questions; lmms-eval
has its defaults: one question at a time. Repeats are interleaved and times are medians. The last line is a JSON object:

  questions_per_s    ours
  speedup            against lmms-eval
  speedup_vs_plain   against the plain loop
  same_answers       share of questions with equal answers, ours against the plain loop
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from random import Random

from ain.benchmark import Benchmark, Item
from ain.chat.local import LocalModel
from ain.miniature.world import DOMAINS, World
from ain.model.qwen2_vl import Qwen2VLProcessor
from ain.pipeline.locate import locate
from ain.stages.predict import predict
from ain.storage.images import png
from ain.storage.shards import Shards
from ain.text.placeholders import IMAGE

REPEATS = 3
BATCH = 64  # the default of `predictor=local`
TOKENS = 16
PEER = Path(__file__).with_name("evaluate_peer.py")


class Questions(Benchmark):
    """Questions about scenes in images of several sizes, four about each image."""

    name, max_new_tokens = "bench", TOKENS

    def __init__(self, count: int) -> None:
        self.made = list(self._made(count))  # drawn before time is taken, as for the others

    def items(self, mix: Path | None = None) -> Iterator[Item]:
        return iter(self.made)

    def _made(self, count: int) -> Iterator[Item]:
        draw, worlds = Random(0), {domain: World(0).scenes("bench", domain) for domain in DOMAINS}
        for number in range(0, count, 4):
            scene = next(worlds[list(worlds)[number // 4 % len(worlds)]])
            side = draw.choice((56, 112, 224, 448))
            data = png(scene.images[0].resize((side, side)))
            image = (lambda data=data: data,)
            for i in range(4):
                asked = scene.questions[i % len(scene.questions)]
                text = " ".join([asked.question] * draw.randint(1, 6))
                yield Item(f"{number}-{i}", scene.domain, "en", "", f"{IMAGE}\n{text}", (asked.answer,), image)


def ours(checkpoint: str, questions: Benchmark) -> tuple[float, list[str]]:
    model = LocalModel(batch_size=BATCH, device="cpu").with_checkpoint(checkpoint, Qwen2VLProcessor(checkpoint))
    _ = model._model, model._inputs  # loaded before time is taken
    asked = {"name": "base", "checkpoint": None, "processor": None}
    with tempfile.TemporaryDirectory() as where:
        out = Path(where) / "data" / "predict"
        started = time.perf_counter()
        predict(model, asked, questions, out)
        seconds = time.perf_counter() - started
        return seconds, [row["prediction"] for row in Shards(out).rows(["prediction"])]


def plain(checkpoint: str, questions: Benchmark) -> tuple[float, list[str]]:
    """Batches in the order of the questions: transformers' image processor, tokenizer and `generate`."""
    import torch
    from PIL import Image
    from transformers import AutoModelForImageTextToText, AutoTokenizer
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    network = AutoModelForImageTextToText.from_pretrained(checkpoint).eval()
    tokenizer = AutoTokenizer.from_pretrained(checkpoint, padding_side="left")
    size = {"shortest_edge": 3_136, "longest_edge": 262_144}  # as ours
    processor = Qwen2VLImageProcessorPil.from_pretrained(checkpoint, size=size)
    items = list(questions.items())
    answers: list[str] = []
    started = time.perf_counter()
    for start in range(0, len(items), BATCH):
        batch = items[start : start + BATCH]
        images = [Image.open(BytesIO(item.images[0]())).convert("RGB") for item in batch]
        seen = processor(images, return_tensors="pt")
        texts = []
        for item, grid in zip(batch, seen["image_grid_thw"], strict=True):
            content = [{"type": "image"}, {"type": "text", "text": item.question.removeprefix(f"{IMAGE}\n")}]
            text = tokenizer.apply_chat_template(
                [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
            )
            texts.append(text.replace("<|image_pad|>", "<|image_pad|>" * int(grid.prod() // processor.merge_size**2)))
        tensors = tokenizer(texts, padding=True, return_tensors="pt")
        types = (tensors["input_ids"] == tokenizer.convert_tokens_to_ids("<|image_pad|>")).int()
        with torch.inference_mode():
            made = network.generate(
                input_ids=tensors["input_ids"],
                attention_mask=tensors["attention_mask"],
                mm_token_type_ids=types,
                **seen,
                do_sample=False,
                max_new_tokens=TOKENS,
                pad_token_id=tokenizer.pad_token_id or tokenizer.eos_token_id,
            )
        made = made[:, tensors["input_ids"].shape[1] :]
        answers += [text.strip() for text in tokenizer.batch_decode(made, skip_special_tokens=True)]
    return time.perf_counter() - started, answers


def peer(python: str, checkpoint: str, questions: Benchmark, where: Path) -> float:
    """Let lmms-eval answer the same questions; return the seconds of its generation."""
    from PIL import Image

    rows = []
    for number, item in enumerate(questions.items()):
        path = where / f"{number}.png"
        Image.open(BytesIO(item.images[0]())).save(path)
        rows.append({"image": str(path), "text": item.question.removeprefix(f"{IMAGE}\n"), "tokens": TOKENS})
    (where / "questions.json").write_text(json.dumps(rows), encoding="utf-8")
    command = [python, "-P", str(PEER), checkpoint, str(where / "questions.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return float(done.stdout.splitlines()[-1])


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--questions", type=int, default=600)
    asked.add_argument("--peer", help="interpreter that has lmms-eval with torchvision")
    asked.add_argument("--checkpoint", default="miniature:base")
    given = asked.parse_args()
    checkpoint = locate(given.checkpoint, Path("outputs"))
    questions = Questions(given.questions)
    times: dict[str, list[float]] = {"ours": [], "plain": [], "lmms-eval": []}
    for _ in range(REPEATS):
        seconds, answers = ours(checkpoint, questions)
        times["ours"].append(seconds)
        seconds, others = plain(checkpoint, questions)
        times["plain"].append(seconds)
        if given.peer:
            with tempfile.TemporaryDirectory() as where:
                times["lmms-eval"].append(peer(given.peer, checkpoint, questions, Path(where)))
    print(f"seconds: {json.dumps(times)}; Python {platform.python_version()}")
    middle = {name: statistics.median(of) for name, of in times.items() if of}
    made = {
        "questions_per_s": round(given.questions / middle["ours"], 1),
        "speedup": round(middle["lmms-eval"] / middle["ours"], 2) if "lmms-eval" in middle else None,
        "speedup_vs_plain": round(middle["plain"] / middle["ours"], 2),
        "same_answers": round(sum(a == b for a, b in zip(answers, others, strict=True)) / len(answers), 4),
    }
    print(json.dumps(made))


if __name__ == "__main__":
    main()
