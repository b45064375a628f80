"""Full-size Qwen2-VL from random weights on one GPU: tokens per second and model FLOPs utilisation, packed and padded.

    python benchmarks/train_gpu.py                          # 2B, bfloat16 computation, float32 weights: 40 GB or more
    python benchmarks/train_gpu.py --model qwen2_vl_7b      # weights and optimizer in bfloat16: 70 GB or more
    python benchmarks/train_gpu.py --pico                   # a tiny model, on any machine: checks that the script works

Samples are random tokens and pixels, four times as long as in benchmarks/training/lengths.yaml, like real ones. Packed
rows use this project's own batches, loss and attention. The padded loop uses the library's own forward pass and loss on
the same samples, in batches of the same number of tokens, with the same attention, optimizer and gradient
checkpointing. The two alternate, and medians are reported. Utilisation counts each operation once, so it excludes
recomputation. The last line is a JSON object.
"""

import argparse
import json
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks" / "training")]

from data import LENGTHS  # noqa: E402
from PIL import Image  # noqa: E402

from ain.miniature import tiny  # noqa: E402
from ain.model import attention  # noqa: E402
from ain.model.processor import IGNORE, Medium, Tokens  # noqa: E402
from ain.model.qwen2_vl import Qwen2VL, Qwen2VLProcessor  # noqa: E402
from ain.model.size import Load, flops  # noqa: E402
from ain.objective.sft import SupervisedFineTuning  # noqa: E402
from ain.runtime.device import tflops  # noqa: E402
from ain.trainer.packing import best_fit  # noqa: E402

TIMES = 4  # how many times longer real samples are than those of lengths.yaml
Sample = tuple[Tokens, list[Image.Image]]


def architecture(name: str, pico: bool) -> dict[str, Any]:
    """Return the architecture from conf/model, with missing 7B values taken from the 2B; or a tiny one."""
    if pico:
        text = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
        text |= {"num_key_value_heads": 1, "vocab_size": 1_000}
        return {"text_config": text, "vision_config": {"depth": 1, "embed_dim": 32, "num_heads": 2, "hidden_size": 64}}
    made: dict[str, Any] = {}
    for each in dict.fromkeys(("qwen2_vl_2b", name)):
        read = yaml.safe_load((ROOT / "conf" / "model" / f"{each}.yaml").read_text(encoding="utf-8"))["how"][
            "architecture"
        ]
        made = {
            key: {**made.get(key, {}), **value} if isinstance(value, dict) else value for key, value in read.items()
        }
    return made


def config(name: str, pico: bool, processor: Qwen2VLProcessor) -> Any:
    from transformers import Qwen2VLConfig

    described = architecture(name, pico)
    described.pop("of", None)
    head = described["text_config"]["hidden_size"] // described["text_config"]["num_attention_heads"]
    sections = [head // 8, head // 16 * 3, head // 16 * 3]
    described["text_config"]["rope_parameters"] = {
        "rope_type": "default",
        "rope_theta": 1e6,
        "mrope_section": [head // 2 - sections[1] - sections[2], *sections[1:]],
    }
    return Qwen2VLConfig(**described, image_token_id=processor.image_token_id, video_token_id=processor.video_token_id)


def samples(count: int, processor: Qwen2VLProcessor, vocabulary: int, times: int, seed: int = 0) -> list[Sample]:
    """Return samples of one turn each; only the number of tokens of each kind matters."""
    draw, noise = random.Random(seed), np.random.default_rng(seed)
    kinds = list(LENGTHS["kinds"].values())
    made = []
    for _ in range(count):
        kind = draw.choices(kinds, [kind["share"] for kind in kinds])[0]
        side = [round(length * math.sqrt(times)) for length in kind["side"]]
        sizes = [(draw.randint(*side), draw.randint(*side)) for _ in range(draw.randint(*kind["images"]))]
        images = [Image.fromarray(noise.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in sizes]
        media = [processor.layout(Medium("image", size)) for size in sizes]
        ids: list[int] = []
        labels: list[int] = []
        for layout in media:
            ids += [20] + [processor.image_token_id] * layout.tokens  # one text token between images
        labels += [IGNORE] * len(ids)
        for _ in range(draw.randint(*kind["turns"])):
            for what in ("question", "answer"):
                tokens = round(times * draw.lognormvariate(math.log(kind[what]["median"]), kind[what]["sigma"])) + 5
                text = [draw.randrange(20, vocabulary) for _ in range(tokens)]
                ids += text
                labels += text if what == "answer" else [IGNORE] * tokens
        made.append((Tokens(ids, labels, media), images))
    return made


def rows(drawn: list[Sample], pack_length: int) -> list[list[Sample]]:
    lengths = np.array([len(tokens.input_ids) for tokens, _ in drawn])
    return [[drawn[i] for i in row] for row in best_fit(lengths, pack_length)]


def batches(drawn: list[Sample], pack_length: int) -> list[list[Sample]]:
    """Return batches in the order drawn, each with as many samples as fit when padded."""
    made: list[list[Sample]] = [[]]
    for sample in drawn:
        longest = max(len(tokens.input_ids) for tokens, _ in [*made[-1], sample])
        if made[-1] and longest * (len(made[-1]) + 1) > pack_length:
            made.append([])
        made[-1].append(sample)
    return made


def passes(run: Callable[[Any], torch.Tensor], made: list[Any], optimizer: Any, device: str, bf16: bool) -> float:
    """Return the seconds for a step on each batch."""
    synchronize = torch.cuda.synchronize if device == "cuda" else lambda: None
    synchronize()
    begun = time.perf_counter()
    for batch in made:
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            loss = run(batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    synchronize()
    return time.perf_counter() - begun


def moved(batch: dict[str, Any], device: str) -> dict[str, Any]:
    return {name: value.to(device) if isinstance(value, torch.Tensor) else value for name, value in batch.items()}


def random_model(chosen: argparse.Namespace, device: str) -> tuple[Any, Qwen2VL]:
    """Return (model, family), with float32 weights if they fit, else bfloat16."""
    from transformers import Qwen2VLForConditionalGeneration

    with tempfile.TemporaryDirectory() as temporary:
        tiny.save_processor(tiny.chat_tokenizer(["a b c"], 300), Path(temporary))
        processor = Qwen2VLProcessor(temporary)
        made = config(chosen.model, chosen.pico, processor)
        processor.tokenizer, processor.image_processor  # noqa: B018  load them while their files exist
    with torch.device(device):
        model = Qwen2VLForConditionalGeneration(made)
    model = model.to(torch.float32 if whole(chosen) else torch.bfloat16).train()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model, Qwen2VL("random weights", processor)


def whole(chosen: argparse.Namespace) -> bool:
    """Return whether weights are float32 and only the computation is in bfloat16."""
    return chosen.model == "qwen2_vl_2b" or chosen.pico


def timed(
    chosen: argparse.Namespace, model: Any, family: Qwen2VL, name: str, ours: list[Any], theirs: list[Any], device: str
) -> dict[str, float]:
    """Return the median seconds of a pass over the packed rows, and over the padded batches."""
    optimizer = torch.optim.AdamW(model.parameters(), 1e-5, fused=True)
    module = SupervisedFineTuning().module(model, family, steps=1)
    bf16 = device == "cuda" and whole(chosen)
    seconds: dict[str, list[float]] = {"packed": [], "padded": []}
    for repeat in range(chosen.repeats + 1):  # the first is a warm-up
        attention.use(model, name)
        first = passes(lambda batch: module.training_step(batch, 0), ours, optimizer, device, bf16)
        with attention.generating(model, name if name.startswith("flash") else "sdpa"):
            second = passes(lambda batch: model(**batch, use_cache=False).loss, theirs, optimizer, device, bf16)
        if repeat:
            seconds["packed"].append(first)
            seconds["padded"].append(second)
            print(f"packed {first:.2f} s, padded {second:.2f} s", file=sys.stderr, flush=True)
    return {kind: statistics.median(found) for kind, found in seconds.items()}


def main(chosen: argparse.Namespace) -> None:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name, why = attention.choose("auto", device == "cuda", bf16=True)
    model, family = random_model(chosen, device)
    processor: Any = family.processor
    drawn = samples(chosen.samples, processor, model.config.text_config.vocab_size, 1 if chosen.pico else TIMES)
    drawn = [sample for sample in drawn if len(sample[0].input_ids) <= chosen.pack_length]
    ours = [
        moved({**processor.pack([t for t, _ in row], [i for _, i in row]), "normaliser": 1000.0}, device)
        for row in rows(drawn, chosen.pack_length)
    ]
    theirs = [
        moved(processor.collate([t for t, _ in batch], [image for _, i in batch for image in i]), device)
        for batch in batches(drawn, chosen.pack_length)
    ]
    medians = timed(chosen, model, family, name, ours, theirs, device)

    tokens = sum(len(t.input_ids) for t, _ in drawn)
    answers = sum(label != IGNORE for t, _ in drawn for label in t.labels)
    visual = sum(layout.tokens for t, _ in drawn for layout in t.media)
    work = flops(family.size(model.config), Load(len(drawn), tokens, answers, visual), family.frozen)
    gpu = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    peak = chosen.tflops or tflops(gpu)
    made = {
        "tokens_per_second": {kind: round(tokens / found, 1) for kind, found in medians.items()},
        "mfu": {kind: round(work / found / peak / 1e12, 4) if peak else None for kind, found in medians.items()},
        "speedup": round(medians["padded"] / medians["packed"], 3),
        "fill": round(tokens / (len(ours) * chosen.pack_length), 4),
        "padding": round(1 - tokens / sum(batch["input_ids"].numel() for batch in theirs), 4),
        "parameters": sum(p.numel() for p in model.parameters()),
        "attention": f"{name} ({why})",
        "peak_memory_gb": round(torch.cuda.max_memory_allocated() / 1e9, 1) if device == "cuda" else None,
        "device": gpu,
        "versions": {package: version(package) for package in ("torch", "transformers")},
    }
    print(json.dumps(made))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("qwen2_vl_2b", "qwen2_vl_7b"), default="qwen2_vl_2b")
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--pack-length", type=int, default=8_192)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tflops", type=float, help="of the device, bfloat16; by its name where that is known")
    parser.add_argument("--pico", action="store_true")
    given = parser.parse_args()
    if given.pico:
        given.samples, given.pack_length, given.repeats = 12, 512, 1
    main(given)
