"""One run of LLaMA-Factory for train_peers.py, inside the environment that train_peers.py prepares.

    python peer_llamafactory.py SETTINGS        # JSON: SETTINGS of runs.py and checkpoint, data, out, seed

Saves the trained model in OUT/model; the last line is a JSON object.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from llamafactory.train.tuner import run_exp
from transformers import TrainerCallback

VERSIONS = ("llamafactory", "torch", "torchvision", "transformers", "accelerate", "datasets", "peft", "trl")
TAGS = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}


class Measured(TrainerCallback):
    """Measures the time from the first step to the last, and keeps the losses that the trainer logs."""

    def __init__(self) -> None:
        self.losses: dict[str, float] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        # By default the vision part is frozen and the dtype is guessed; either would make the comparison unfair.
        assert all(p.requires_grad and p.dtype == torch.float32 for p in given["model"].parameters())
        self.begun = time.perf_counter()

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        self.seconds, self.steps = time.perf_counter() - self.begun, state.global_step

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **given: Any) -> None:
        self.losses |= {name: logs[name] for name in ("train_loss", "eval_loss") if name in logs}


def arguments(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments that a YAML for `llamafactory-cli train` would contain."""
    return {
        "stage": "sft",
        "do_train": True,
        "do_eval": True,
        "model_name_or_path": settings["checkpoint"],
        "template": "qwen2_vl",
        "finetuning_type": "full",
        "freeze_vision_tower": False,
        "freeze_multi_modal_projector": False,
        "infer_dtype": "float32",
        "image_max_pixels": settings["max_pixels"],
        "image_min_pixels": settings["min_pixels"],
        "dataset_dir": settings["out"],
        "media_dir": settings["data"],
        "dataset": "train",
        "eval_dataset": "validation",
        "cutoff_len": settings["max_length"],
        "output_dir": f"{settings['out']}/model",
        "per_device_train_batch_size": settings["batch_size"],
        "per_device_eval_batch_size": settings["batch_size"],
        "gradient_accumulation_steps": 1,
        "num_train_epochs": settings["epochs"],
        "optim": settings["optimizer"],
        "learning_rate": settings["learning_rate"],
        "adam_beta1": settings["betas"][0],
        "adam_beta2": settings["betas"][1],
        "weight_decay": settings["weight_decay"],
        "lr_scheduler_type": "cosine",
        "warmup_steps": settings["warmup"],  # a value below 1 is a ratio
        "max_grad_norm": settings["clip"],
        "dataloader_num_workers": 0,
        "save_strategy": "no",
        "report_to": "none",
        "use_cpu": True,
        "seed": settings["seed"],
        **({} if settings["checkpointing"] == "default" else {"disable_gradient_checkpointing": True}),
    }


def describe_data(settings: dict[str, Any]) -> None:
    """Write dataset_info.json, which tells LLaMA-Factory where and how to read custom data."""
    columns = {"messages": "messages", "images": "images"}
    described = {
        split: {
            "file_name": f"{settings['data']}/{split}.jsonl",
            "formatting": "sharegpt",
            "columns": columns,
            "tags": TAGS,
        }
        for split in ("train", "validation")
    }
    (Path(settings["out"]) / "dataset_info.json").write_text(json.dumps(described), encoding="utf-8")


def main(settings: dict[str, Any]) -> None:
    torch.set_num_threads(settings["threads"])
    describe_data(settings)
    measured = Measured()
    run_exp(arguments(settings), callbacks=[measured])
    made = {
        "samples_per_second": settings["samples"] / measured.seconds,
        "seconds": measured.seconds,
        "steps": measured.steps,
        "train_loss": measured.losses["train_loss"],
        "validation_loss": measured.losses["eval_loss"],
        "versions": {name: version(name) for name in VERSIONS},
    }
    print(json.dumps(made))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
