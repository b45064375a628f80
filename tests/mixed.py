"""Samples of all kinds in one mixture, and a training of them: for tests in this process, and in processes that may die.

python mixed.py '{"pack": DIR, "checkpoint": DIR, "out": DIR, "trainer": {...}, "die_at": STEP}'
"""

import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks" / "training"))

from ours import packed, trainer

from ain import ranks
from ain.model.processor import Processor
from ain.model.qwen2_vl import Qwen2VL
from ain.objective.sft import SupervisedFineTuning
from ain.trainer import watch
from ain.trainer.export import export
from ain.trainer.fit import Fit, fit

SIZES = {"max_pixels": 50_176, "min_pixels": 3_136, "cutoff": 256}


def rows(folder: Path) -> list[dict[str, Any]]:
    """Several turns, several pictures, none, and videos; text alone comes in stretches, so that whole rows are without pictures."""
    made: list[dict[str, Any]] = []
    for i in range(48):
        name = f"{i}.png"
        Image.new("RGB", (56 + i, 84), (5 * i, 255 - 5 * i, 90)).save(folder / name)
        colour = ("red", "أحمر")[i % 2]
        asked = [("What is it?", "ما هذا؟")[i % 2], "And now?"]
        kinds: list[dict[str, Any]] = [
            {"images": [name], "questions": [f"<image>\n{asked[0]}"]},
            {"images": [name, name], "questions": [f"<image>{asked[0]}", f"<image>{asked[1]}"]},
            {"videos": [[name] * 3], "images": [name], "questions": [f"<video>{asked[0]}<image>", asked[1]]},
        ]
        kind = kinds[i % 3] if i < 24 else {"questions": asked * 4}
        turns = [turn for q in kind.pop("questions") for turn in (("user", q), ("assistant", f"{colour} {i}"))]
        made.append({**kind, "id": str(i), "messages": [{"role": role, "content": text} for role, text in turns]})
    return made


def prepared(checkpoint: str, where: Path) -> Path:
    folder = where / "folder"
    folder.mkdir(parents=True)
    (folder / "rows.json").write_text(json.dumps(rows(folder)), encoding="utf-8")
    return packed({"checkpoint": checkpoint, **SIZES}, "train", folder, where)


def work(pack: Path, checkpoint: str, out: Path, **changes: Any) -> Fit:
    """A few steps; `changes` are of the config group trainer, and `model` of the model's arguments."""
    model = Qwen2VL(checkpoint, Processor(checkpoint, **SIZES), export_dtype="float32", **changes.pop("model", {}))
    objective = partial(SupervisedFineTuning, learning_rate=changes.pop("learning_rate", 1e-3))
    group = trainer(**{"row_tokens": 256, "max_steps": 6, "checkpoint_every": 3, "show": 2, **changes})
    out.mkdir(parents=True, exist_ok=True)
    return Fit(pack, model, objective, group, {"mode": "disabled"}, 0, out)


def run(job: Fit) -> None:
    """What the train stage does."""
    ranks.run(fit, job, job.trainer["devices"], 1)
    chosen = job.checkpoints.latest()
    assert chosen is not None
    export(job, chosen, "a card")


def dying(step: int) -> None:
    """This process is killed as soon as a step's row is written: in the middle, where no checkpoint is."""
    add = watch.History.add

    def added(self: watch.History, row: dict[str, Any]) -> None:
        add(self, row)
        if row["step"] == step:
            os.kill(os.getpid(), signal.SIGKILL)

    watch.History.add = added  # type: ignore[method-assign]


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    given = json.loads(sys.argv[1])
    if given.get("die_at"):
        dying(given["die_at"])
    run(work(Path(given["pack"]), given["checkpoint"], Path(given["out"]), **given["trainer"]))
