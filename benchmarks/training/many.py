"""Training on any number of prepared samples: time to the first step, and memory after ten.

python many.py SETTINGS COUNT prepare | train
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from ours import processor, tokenized_folder, training

from ain.model.samples import SCHEMA, STORES
from ain.storage.listing import mark_done
from ain.storage.manifest import read_manifest
from ain.storage.shards import SHARD_ROWS, Shards


def prepare(settings: dict[str, Any], count: int) -> None:
    """Repeat the samples of settings["data"] under new ids, in the form that the tokenize stage writes."""
    out = Path(settings["out"])
    folder = out / "folder"
    folder.mkdir(parents=True)
    data = Path(settings["data"])
    for path in [data / "train.jsonl", *data.glob("*.png")]:
        (folder / path.name).symlink_to(path)
    few = tokenized_folder(processor(settings), folder, out)
    rows = list(Shards(few, SCHEMA, suffix="arrow").rows())
    many = Shards(out / "many", SCHEMA, suffix="arrow").create()
    for index, start in enumerate(range(0, count, SHARD_ROWS)):
        numbers = range(start, min(start + SHARD_ROWS, count))
        many.write(index, [{**rows[i % len(rows)], "id": str(i)} for i in numbers])
    (out / "many" / STORES).write_bytes((few / STORES).read_bytes())
    mark_done(out / "many", read_manifest(few))


def train(settings: dict[str, Any]) -> None:
    import torch

    from ain.trainer import history
    from ain.trainer.fit import fit

    torch.set_num_threads(settings["threads"])
    first: list[float] = []
    add = history.History.add

    def timed(self: history.History, row: dict[str, Any]) -> None:
        first.append(time.time())
        add(self, row)

    history.History.add = timed  # type: ignore[method-assign]
    out = Path(settings["out"])
    fit(training({**settings, "out": str(out / "run")}, out / "many", max_steps=10))
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = next(int(line.split()[1]) / 1000 for line in status.splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"first_step": first[0], "peak_mb": round(peak, 1)}))


if __name__ == "__main__":
    given, wanted = json.loads(sys.argv[1]), int(sys.argv[2])
    prepare(given, wanted) if sys.argv[3] == "prepare" else train(given)
