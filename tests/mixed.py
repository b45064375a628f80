"""Samples of all kinds in one mixture, and a training on them, in this process or in one that can be killed."""

import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path
from typing import Any

import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks" / "training"))

from ours import tokenized_folder
from tiny_qwen import family

from ain.model.processor import Batch
from ain.objective.sft import SupervisedFineTuning
from ain.objective.sft_module import SFTModule
from ain.runtime import distributed
from ain.trainer import history
from ain.trainer.export import export
from ain.trainer.fit import fit
from ain.trainer.settings import TrainerSettings, resolved
from ain.trainer.training import Training

HELD_OUT = 6


def rows(folder: Path) -> list[dict[str, Any]]:
    """Rows with several turns, several images, none, and videos. Half are text only, so that whole rows have no images."""
    made: list[dict[str, Any]] = []
    for i in range(48 + HELD_OUT):
        name = f"{i}.png"
        Image.new("RGB", (56 + i, 84), (5 * i, 255 - 5 * i, 90)).save(folder / name)
        colour = ("red", "أحمر")[i % 2]
        asked = [("What is it?", "ما هذا؟")[i % 2], "And now?"]
        kinds: list[dict[str, Any]] = [
            {"images": [name], "questions": [f"<image>\n{asked[0]}"]},
            {"images": [name, name], "questions": [f"<image>{asked[0]}", f"<image>{asked[1]}"]},
            {"videos": [[name] * 3], "images": [name], "questions": [f"<video>{asked[0]}<image>", asked[1]]},
        ]
        kind = kinds[i % 3] if i < 24 or i >= 48 else {"questions": asked * 4}
        turns = [turn for q in kind.pop("questions") for turn in (("user", q), ("assistant", f"{colour} {i}"))]
        made.append({**kind, "id": str(i), "messages": [{"role": role, "content": text} for role, text in turns]})
    return made


def prepared(checkpoint: str, where: Path, name: str = "qwen2_vl") -> Path:
    """Write and tokenize the samples. name: the checkpoint's family."""
    folder = where / "folder"
    folder.mkdir(parents=True)
    (folder / "rows.json").write_text(json.dumps(rows(folder)), encoding="utf-8")
    return tokenized_folder(family(name, checkpoint).processor, folder, where, held_out=HELD_OUT)


class BrokenOnTheSecondRank(SupervisedFineTuning):
    """An objective whose loss is NaN on the second rank, as with a broken sample."""

    def module(self, *arguments: Any) -> SFTModule:
        return _Broken(self, *arguments)


class _Broken(SFTModule):
    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        return super().training_step(batch, index) * (float("nan") if distributed.rank() == 1 else 1.0)


def training(tokenized: Path, checkpoint: str, out: Path, **changes: Any) -> Training:
    """Return a training of a few steps. `changes`: trainer settings; `model`: the model's arguments; `name`: its family."""
    model = family(changes.pop("name", "qwen2_vl"), checkpoint, **changes.pop("model", {}))
    objective = SupervisedFineTuning(learning_rate=changes.pop("learning_rate", 1e-3))
    settings = TrainerSettings(
        **{"pack_length": 256, "max_steps": 6, "every_n_train_steps": 3, "sample_answers": 3, **changes}
    )
    out.mkdir(parents=True, exist_ok=True)
    return Training(tokenized, model, objective, resolved(settings), 0, out)


def run(job: Training) -> None:
    """Train and export, like the train stage."""
    distributed.run(fit, job, job.settings.devices, 1, job.libraries)
    chosen = job.checkpoints.latest()
    assert chosen is not None
    export(job, chosen, "a card")


def elsewhere(job: Training, die_at_step: int | None = None, die_at_write: int | None = None) -> int:
    """Run the same in a separate process, forked from one with the libraries loaded; return its exit status."""
    multiprocessing.set_forkserver_preload(["mixed", "deepspeed"])  # unless `commands` has started the server
    context = multiprocessing.get_context("forkserver")
    process = context.Process(target=_run, args=(job, die_at_step, die_at_write))
    process.start()
    process.join(400)
    assert process.exitcode is not None, "it hangs"
    return process.exitcode


def _run(job: Training, die_at_step: int | None, die_at_write: int | None) -> None:
    """Run, and be killed after a step's row is written, between checkpoints, or around the n-th renaming of a file."""
    torch.set_num_threads(1)
    add, replace, written = history.History.add, os.replace, [0]

    def added(self: history.History, row: dict[str, Any]) -> None:
        add(self, row)
        if row["step"] == die_at_step:
            os.kill(os.getpid(), signal.SIGKILL)

    def replaced(source: Any, target: Any) -> None:
        written[0] += 1
        if written[0] == die_at_write and written[0] % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)
        if written[0] == die_at_write:
            os.kill(os.getpid(), signal.SIGKILL)

    history.History.add = added  # type: ignore[method-assign]
    os.replace = replaced  # type: ignore[assignment]
    run(job)


def losses(out: Path) -> list[float]:
    return [row["loss"] for row in history.read(out / "history.jsonl")]


def exported(out: Path) -> bytes:
    return (out / "checkpoint" / "model.safetensors").read_bytes()
