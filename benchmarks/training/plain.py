"""One run of a plain padded loop or of transformers.Trainer for train.py: a typical script without this project.

    python plain.py SETTINGS loop | trainer        # JSON: SETTINGS of runs.py and checkpoint, data, out, seed

Both read tokens that were prepared before, decode and resize images batch by batch, pad each batch to its longest
sample, and use the model's own loss. The last line is a JSON object.
"""

import json
import math
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from ours import processor
from PIL import Image
from torch.utils.data import DataLoader
from transformers import (
    AutoModelForImageTextToText,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    get_cosine_schedule_with_warmup,
)

from ain.model.conversation import conversation
from ain.model.processor import Tokens


class Prepared:
    """Prepared (tokens, image paths) of each sample."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.processor = processor(settings)
        self.samples: list[tuple[Tokens, list[Path]]] = []
        data = Path(settings["data"])
        for line in (data / "train.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            texts = [message["content"] for message in row["messages"]]
            turns = [{"question": q, "answer": a} for q, a in zip(texts[::2], texts[1::2], strict=True)]
            paths = [data / name for name in row["images"]]
            tokens = self.processor.tokenize(conversation(turns), [Image.open(path).size for path in paths])
            self.samples.append((tokens, paths))

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Tokens, list[Path]]:
        return self.samples[index]

    def collate(self, samples: list[tuple[Tokens, list[Path]]]) -> dict[str, torch.Tensor]:
        images = [Image.open(path).convert("RGB") for _, paths in samples for path in paths]
        return self.processor.collate([tokens for tokens, _ in samples], images)


def loop(settings: dict[str, Any], model: Any, data: Prepared) -> dict[str, Any]:
    order = torch.Generator().manual_seed(settings["seed"])
    batches = DataLoader(data, settings["batch_size"], shuffle=True, generator=order, collate_fn=data.collate)
    steps = len(batches) * settings["epochs"]
    optimizer = torch.optim.AdamW(
        model.parameters(),
        settings["learning_rate"],
        tuple(settings["betas"]),
        weight_decay=settings["weight_decay"],
        fused=True,
    )
    schedule = get_cosine_schedule_with_warmup(optimizer, round(settings["warmup"] * steps), steps)
    losses, begun = [], time.perf_counter()
    for _ in range(settings["epochs"]):
        for batch in batches:
            loss = model(**batch, use_cache=False).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clip"])
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            losses.append(float(loss.detach()))
    seconds = time.perf_counter() - begun
    return {"seconds": seconds, "steps": len(losses), "train_loss": sum(losses) / len(losses)}


class Measured(TrainerCallback):
    """Measures the time from the first step to the last."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self.begun = time.perf_counter()

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self.seconds = time.perf_counter() - self.begun


def trainer(settings: dict[str, Any], model: Any, data: Prepared) -> dict[str, Any]:
    arguments = TrainingArguments(
        output_dir=str(Path(settings["out"]) / "trainer"),
        per_device_train_batch_size=settings["batch_size"],
        num_train_epochs=settings["epochs"],
        optim=settings["optimizer"],
        learning_rate=settings["learning_rate"],
        adam_beta1=settings["betas"][0],
        adam_beta2=settings["betas"][1],
        weight_decay=settings["weight_decay"],
        lr_scheduler_type="cosine",
        warmup_steps=math.ceil(settings["warmup"] * math.ceil(len(data) / settings["batch_size"]) * settings["epochs"]),
        max_grad_norm=settings["clip"],
        remove_unused_columns=False,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=settings["seed"],
    )
    measured = Measured()
    made = Trainer(model, arguments, data.collate, data, callbacks=[measured]).train()  # type: ignore[arg-type]
    return {"seconds": measured.seconds, "steps": made.global_step, "train_loss": made.training_loss}


def main(settings: dict[str, Any], which: str) -> None:
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(settings["seed"])
    model: Any = AutoModelForImageTextToText.from_pretrained(settings["checkpoint"], dtype=torch.float32).train()
    made = {"loop": loop, "trainer": trainer}[which](settings, model, Prepared(settings))
    model.save_pretrained(Path(settings["out"]) / "model")
    versions = {name: version(name) for name in ("torch", "transformers", "accelerate")}
    print(json.dumps({**made, "samples_per_second": settings["samples"] / made["seconds"], "versions": versions}))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2])
