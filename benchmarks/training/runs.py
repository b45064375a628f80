"""Shared by all contestants of the training benchmarks: settings, a process for each run, and the measure of loss."""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from data import LENGTHS

HERE = Path(__file__).resolve().parent
Run = dict[str, Any]

SETTINGS: dict[str, Any] = {
    "threads": 2,
    "batch_size": 8,
    "pack_length": 1_792,  # only ours: a row holds about as many samples as a batch of the others
    "epochs": 1,
    "optimizer": "adamw_torch_fused",  # torch's AdamW
    "learning_rate": 1e-3,
    "betas": (0.9, 0.999),
    "weight_decay": 0.0,
    "warmup": 0.1,
    "clip": 1.0,
    "min_pixels": 3_136,
    "max_pixels": 50_176,
    "max_length": LENGTHS["max_length"],
    "checkpointing": "default",
}


def run(command: list[Any], data: Path, out: Path, seed: int) -> Run:
    """Return what a contestant's process prints as its last line, with the validation loss of its model."""
    out.mkdir(parents=True)
    with (data / "train.jsonl").open(encoding="utf-8") as lines:
        samples = sum(1 for _ in lines)
    given = {"checkpoint": str(data.parent / "checkpoint"), "data": str(data), "out": str(out)}
    settings = json.dumps({**SETTINGS, **given, "samples": samples, "seed": seed})
    words = [*command[:2], settings, *command[2:]]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, env=environment(out), cwd=out)
    made = json.loads(done.stdout.strip().splitlines()[-1])
    return {**made, "validation_loss": validation_loss(out / "model", data)}


def environment(out: Path) -> dict[str, str]:
    """Return an environment without network or GPU, with two threads and its own cache, so that runs share no data."""
    threads = str(SETTINGS["threads"])
    ours = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    quiet = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(out / "cache"), "CUDA_VISIBLE_DEVICES": ""}
    return {**ours, **quiet, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}


def validation_loss(model: Path, data: Path) -> float:
    """Return the mean negative log-likelihood (nats) over all answer tokens: the same measure for all contestants."""
    import torch
    from PIL import Image
    from transformers import AutoModelForImageTextToText

    from ain.model.conversation import conversation
    from ain.model.qwen2_vl import Qwen2VLProcessor

    torch.set_num_threads(SETTINGS["threads"])
    processor = Qwen2VLProcessor(
        str(data.parent / "checkpoint"), SETTINGS["max_pixels"], SETTINGS["min_pixels"], SETTINGS["max_length"]
    )
    trained: Any = AutoModelForImageTextToText.from_pretrained(model, dtype=torch.float32).eval()
    total, count = 0.0, 0
    for line in (data / "validation.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        texts = [message["content"] for message in row["messages"]]
        turns = [{"question": q, "answer": a} for q, a in zip(texts[::2], texts[1::2], strict=True)]
        images = [Image.open(data / name).convert("RGB") for name in row["images"]]
        tokens = processor.tokenize(conversation(turns), [image.size for image in images])
        answered = sum(label >= 0 for label in tokens.labels)
        with torch.inference_mode():
            total += float(trained(**processor.collate([tokens], images)).loss) * answered
        count += answered
    return total / count


def interleaved(contestants: dict[str, list[Any]], data: Path, work: Path, repeats: int) -> dict[str, list[Run]]:
    """Run the contestants in turn, so that slow periods of the machine affect all; the repeat number is the seed."""
    made: dict[str, list[Run]] = {name: [] for name in contestants}
    for repeat in range(repeats):
        for name, command in contestants.items():
            made[name].append(run(command, data, work / f"{name}-{repeat}", repeat))
            shown = {key: value for key, value in made[name][-1].items() if key != "versions"}
            print(name, repeat, json.dumps(shown), file=sys.stderr, flush=True)
    return made


def summary(made: dict[str, list[Run]]) -> Run:
    """Return medians over the repeats, and our speedup over each other contestant."""

    def medians(key: str, digits: int) -> dict[str, float]:
        return {name: round(statistics.median(run[key] for run in runs), digits) for name, runs in made.items()}

    speed = medians("samples_per_second", 4)
    return {
        **{f"speedup_vs_{name}": round(speed["ours"] / rate, 3) for name, rate in speed.items() if name != "ours"},
        "samples_per_second": medians("samples_per_second", 2),
        "validation_loss": medians("validation_loss", 4),
        "train_loss": medians("train_loss", 4),
        "steps": medians("steps", 0),
        "versions": {name: runs[0]["versions"] for name, runs in made.items()},
    }
