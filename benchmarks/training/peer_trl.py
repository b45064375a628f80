"""One run of TRL's SFTTrainer for train_peers.py, inside the environment that train_peers.py prepares.

    python peer_trl.py SETTINGS        # JSON: SETTINGS of runs.py and checkpoint, data, out, seed

Saves the trained model in OUT/model; the last line is a JSON object. TRL reads and tokenizes batch by batch in its own
collator, so the training time includes both.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import trl
from datasets import Dataset, Features, Image, List, Value
from transformers import AutoProcessor, TrainerCallback
from trl import SFTConfig, SFTTrainer

VERSIONS = ("trl", "torch", "torchvision", "transformers", "accelerate", "datasets")
# TRL's own copy of Qwen2-VL's chat template with answers marked, which assistant_only_loss needs.
TEMPLATE = Path(trl.__file__).parent / "chat_templates" / "qwen2_5_vl_training.jinja"
FEATURES = Features(
    {"messages": List({"role": Value("string"), "content": Value("string")}), "images": List(Image())},
)


class Measured(TrainerCallback):
    """Measures the time from the first step to the last."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        assert all(p.requires_grad and p.dtype == torch.float32 for p in given["model"].parameters())
        self.begun = time.perf_counter()

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self.seconds, self.steps = time.perf_counter() - self.begun, state.global_step


def dataset(data: Path, split: str) -> Dataset:
    """Return the samples in TRL's format: without <image>, since TRL puts all images before the first question itself."""
    rows = [json.loads(line) for line in (data / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()]
    samples = [
        {
            "messages": [{**m, "content": m["content"].replace("<image>", "")} for m in row["messages"]],
            "images": [str(data / name) for name in row["images"]],
        }
        for row in rows
    ]
    return Dataset.from_list(samples, features=FEATURES)


def arguments(settings: dict[str, Any]) -> SFTConfig:
    return SFTConfig(
        output_dir=f"{settings['out']}/model",
        assistant_only_loss=True,
        chat_template_path=str(TEMPLATE),
        max_length=settings["max_length"],
        per_device_train_batch_size=settings["batch_size"],
        per_device_eval_batch_size=settings["batch_size"],
        gradient_accumulation_steps=1,
        num_train_epochs=settings["epochs"],
        optim=settings["optimizer"],
        learning_rate=settings["learning_rate"],
        adam_beta1=settings["betas"][0],
        adam_beta2=settings["betas"][1],
        weight_decay=settings["weight_decay"],
        lr_scheduler_type="cosine",
        warmup_steps=settings["warmup"],  # a value below 1 is a ratio
        max_grad_norm=settings["clip"],
        bf16=False,  # the default is bfloat16, also on a CPU
        use_cpu=True,
        dataloader_num_workers=0,
        save_strategy="no",
        report_to="none",
        seed=settings["seed"],
        **({} if settings["checkpointing"] == "default" else {"gradient_checkpointing": False}),
    )


def main(settings: dict[str, Any]) -> None:
    torch.set_num_threads(settings["threads"])
    data = Path(settings["data"])
    size = {"shortest_edge": settings["min_pixels"], "longest_edge": settings["max_pixels"]}
    measured = Measured()
    trainer = SFTTrainer(
        model=settings["checkpoint"],
        args=arguments(settings),
        train_dataset=dataset(data, "train"),
        eval_dataset=dataset(data, "validation"),
        processing_class=AutoProcessor.from_pretrained(settings["checkpoint"], size=size),
        callbacks=[measured],
    )
    train_loss = trainer.train().training_loss
    trainer.save_model()
    made = {
        "samples_per_second": settings["samples"] / measured.seconds,
        "seconds": measured.seconds,
        "steps": measured.steps,
        "train_loss": train_loss,
        "validation_loss": trainer.evaluate()["eval_loss"],
        "versions": {name: version(name) for name in VERSIONS},
    }
    print(json.dumps(made))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
