"""One run of this project's trainer for train.py and train_peers.py.

    python ours.py SETTINGS        # JSON: SETTINGS of runs.py and checkpoint, data, out, seed

Saves the trained model in OUT/model; the last line is a JSON object. Samples are tokenized before, as in `ain
tokenize`.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ain.model.processor import Processor
from ain.model.qwen2_vl import Qwen2VL, Qwen2VLProcessor
from ain.model.samples import STORES
from ain.objective.sft import SupervisedFineTuning
from ain.source.folder import Folder
from ain.stages.collect import collect
from ain.stages.mix import SCHEMA, placed
from ain.stages.tokenize import tokenize
from ain.storage.images import ImageStore
from ain.storage.listing import mark_done
from ain.storage.shards import Shards
from ain.trainer.export import weights
from ain.trainer.fit import fit
from ain.trainer.history import read
from ain.trainer.settings import TrainerSettings
from ain.trainer.training import Training


def processor(settings: dict[str, Any]) -> Qwen2VLProcessor:
    sizes = {name: settings[name] for name in ("max_pixels", "min_pixels", "max_length")}
    return Qwen2VLProcessor(settings["checkpoint"], **sizes)


def tokenized_folder(using: Processor, folder: Path, where: Path, held_out: int = 0) -> Path:
    """Return a tokenize directory for a folder of samples, the last `held_out` of them for validation."""
    collected, mixed, out = (where / name for name in ("collect", "mix", "tokenize"))
    for directory in (collected, mixed, out):
        directory.mkdir(parents=True)
    collect(Folder(str(folder)), collected)
    names = ImageStore(collected).index()
    shards = Shards(mixed, SCHEMA).create()
    left = Shards(collected).count()
    for index in range(len(Shards(collected))):
        rows = []
        for record in Shards(collected).read(index):
            split = "train" if left > held_out else "validation"
            left -= 1
            media = [placed(medium, names, 0) for medium in record["media"]]
            rows.append({**record, "split": split, "media": media})
        shards.write(index, rows)
    (mixed / STORES).write_text(json.dumps({"stores": [collected.name], "images": "shown"}), encoding="utf-8")
    mark_done(out, {"counts": tokenize(mixed, using, out)})
    return out


def training(settings: dict[str, Any], tokenized: Path, **changes: Any) -> Training:
    """Return the settings shared by all contestants in this project's terms."""
    objective = SupervisedFineTuning(
        learning_rate=settings["learning_rate"],
        weight_decay=settings["weight_decay"],
        betas=settings["betas"],
        warmup_ratio=settings["warmup"],
    )
    model = Qwen2VL(settings["checkpoint"], processor(settings), export_dtype="float32")
    ours = TrainerSettings(
        max_epochs=settings["epochs"],
        pack_length=settings["pack_length"],
        gradient_clip_val=settings["clip"],
        every_n_train_steps=1_000_000,
        sample_answers=0,
        **changes,
    )
    out = Path(settings["out"])
    out.mkdir(parents=True, exist_ok=True)
    return Training(tokenized, model, objective, ours, settings["seed"], out)


def main(settings: dict[str, Any]) -> None:
    torch.set_num_threads(settings["threads"])
    out = Path(settings["out"])
    rows = Path(settings["data"]) / "train.jsonl"
    folder = out / "folder"  # only the training samples, with links to their images
    folder.mkdir(parents=True)
    for path in [rows, *rows.parent.glob("*.png")]:
        (folder / path.name).symlink_to(path)
    job = training(settings, tokenized_folder(processor(settings), folder, out / "prepared"))
    fit(job)
    newest = job.checkpoints.latest()
    assert newest is not None
    job.model.trained(weights(newest / "state")).save_pretrained(out / "model")
    steps = read(out / "history.jsonl")
    seconds = sum(step["step_seconds"] for step in steps)
    made = {
        "samples_per_second": settings["samples"] / seconds,
        "seconds": seconds,
        "steps": len(steps),
        "train_loss": sum(step["loss"] for step in steps) / len(steps),
        "padding": sum(step["padding"] for step in steps) / len(steps),
        "versions": {name: version(name) for name in ("torch", "transformers", "pytorch-lightning")},
    }
    print(json.dumps(made))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
