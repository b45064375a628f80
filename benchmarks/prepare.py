"""Collect and tokenize beside themselves in one process and beside `datasets.map`: records a second, and memory.

    python benchmarks/prepare.py            about ten minutes on two cores
    python benchmarks/prepare.py --quick    a fifth of the rows

Speed: 30,000 records of one question about one JPEG photograph of 448 x 336 pixels; all photographs differ. Each is drawn
twice into the mixture, so tokenize gets 60,000 conversations. That is a small set of real data: times include the start
of the processes, which is printed by itself and counts for less the more records there are. `datasets.map` does the same
work a record with as many processes: it reads, decodes and hashes the image and keeps its bytes, or tokenizes the
conversation. Each measurement is a process of its own, repeats are interleaved, and times are medians. CPU seconds, of
all processes together, are printed beside them: they say whether the machine was idle.

Memory: 20,000 and 200,000 records with images of 32 x 32 pixels; the sum over all processes, without mapped files, at its
peak. Pages that processes share count once. It takes 4 GB of disk. The last line is a JSON object:

  records_per_s    of each stage, with one worker for each core
  speedup_vs_one   against one process; the lower of the two stages
  memory_ratio     ten times the records; the higher of the two stages
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any

from used import Used

# Each worker process imports this file too, which the command `ain` spares them: what takes time is imported in functions.
REPEATS = 2
DRAWN = 2  # how often each record is drawn into the mixture whose tokenizing is timed
WORDS = (
    "what",
    "colour",
    "is",
    "the",
    "small",
    "bird",
    "on",
    "the",
    "left",
    "of",
    "an",
    "old",
    "house",
    "near",
    "a",
    "tree",
)


def folder(path: Path, records: int, size: tuple[int, int]) -> Path:
    """Write a folder of records. Sixteen photographs, each made different by a number behind its end."""
    import numpy as np
    from PIL import Image

    (path / "images").mkdir(parents=True)
    noise = np.random.default_rng(0)
    photographs = []
    for _ in range(16):
        rough = Image.fromarray(noise.integers(0, 255, (24, 32, 3), dtype=np.uint8))
        buffer = BytesIO()
        rough.resize(size, Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        photographs.append(buffer.getvalue())
    draw = Random(0)
    with open(path / "data.jsonl", "w", encoding="utf-8") as file:
        for i in range(records):
            name = f"images/{i}.jpg"
            (path / name).write_bytes(photographs[i % 16] + i.to_bytes(4, "big"))
            question, answer = (" ".join(draw.choices(WORDS, k=draw.randint(8, 60))) for _ in range(2))
            spoken = [{"from": "human", "value": f"<image>\n{question} {i}"}, {"from": "gpt", "value": answer}]
            file.write(json.dumps({"id": str(i), "image": name, "conversations": spoken}) + "\n")
    return path


def mixed(root: Path, drawn: int) -> None:
    """Make the directories between collect and tokenize: everything is selected, everything is drawn."""
    from ain.engine.local import Local
    from ain.source.mixture import Mixture
    from ain.stages.mix import mix
    from ain.stages.select import REFUSED
    from ain.stages.select import SCHEMA as SELECTED
    from ain.storage.shards import SPAN, Shards

    records, select = Shards(root / "collect"), Shards(root / "select", SELECTED, REFUSED).create()
    for span in range(0, len(records), SPAN):
        rows = [row for index in range(span, min(span + SPAN, len(records))) for row in records.read(index, ["id"])]
        select.write(span // SPAN, rows)
    parts: Any = {"all": {"language": "en", "translate": False, "weight": drawn}}
    inputs = {"collect": root / "collect", "translate": None, "select": root / "select"}
    mix({"all": inputs}, Mixture(parts, 0.0, "shown"), 0, root / "mix", Local())


def ours(stage: str, root: Path, checkpoint: str, out: Path, workers: int) -> None:
    from ain.engine.local import Local
    from ain.model.qwen2_vl import Qwen2VLProcessor
    from ain.source.folder import Folder
    from ain.stages.collect import collect
    from ain.stages.tokenize import tokenize

    if stage == "collect":
        collect(Folder(str(root / "data")), out, Local(workers))
    else:
        tokenize(root / "mix", Qwen2VLProcessor(checkpoint), out, Local(workers))


def peer(stage: str, root: Path, checkpoint: str, out: Path, workers: int) -> None:
    """Do a stage's work by `datasets.map`."""
    import datasets
    from PIL import Image

    from ain.model.conversation import conversation
    from ain.model.qwen2_vl import Qwen2VLProcessor

    files = [str(root / "data" / "data.jsonl")] * (DRAWN if stage == "tokenize" else 1)
    data = datasets.load_dataset("json", data_files=files, split="train", cache_dir=str(out))
    processor = Qwen2VLProcessor(checkpoint)

    def opened(row: dict[str, Any]) -> dict[str, Any]:
        found = (root / "data" / row["image"]).read_bytes()
        with Image.open(BytesIO(found)) as image:
            image.load()
        return {"bytes": found, "sha256": sha256(found).hexdigest(), "width": image.width, "height": image.height}

    def tokenized(row: dict[str, Any]) -> dict[str, Any]:
        turns = [{"question": row["conversations"][0]["value"], "answer": row["conversations"][1]["value"]}]
        size = Image.open(root / "data" / row["image"]).size
        made = processor.tokenize(conversation(turns), [size])
        return {"input_ids": made.input_ids, "labels": made.labels, "grids": [layout.shape for layout in made.media]}

    body = opened if stage == "collect" else tokenized
    data.map(body, num_proc=workers, remove_columns=data.column_names)


def measured(who: str, stage: str, root: Path, checkpoint: str, workers: int, memory: bool = False) -> dict[str, float]:
    """Return {"seconds", "cpu", "peak"} of one measurement, in a process of its own. Looking at memory takes time."""
    command = [sys.executable, __file__, *(["--memory"] if memory else [])]
    command += ["--one", who, stage, str(root), checkpoint, str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])  # type: ignore[no-any-return]


def one(memory: bool, who: str, stage: str, root: str, checkpoint: str, workers: str) -> None:
    used = Used(memory=memory)
    with tempfile.TemporaryDirectory(dir=root) as out:
        started = time.perf_counter()
        where = Path(root) / stage if who == "kept" else Path(out)
        {"ours": ours, "kept": ours, "peer": peer, "start": start}[who](
            stage, Path(root), checkpoint, where, int(workers)
        )
        print(json.dumps({"seconds": time.perf_counter() - started, "cpu": used.cpu(), "peak": used.peak}))


def start(stage: str, root: Path, checkpoint: str, out: Path, workers: int) -> None:
    """Start a stage's processes, and end them."""
    from ain.engine.processes import Processes
    from ain.model.qwen2_vl import Qwen2VLProcessor
    from ain.source.folder import Folder
    from ain.stages.collect import Opener
    from ain.stages.tokenize import Tokenizer

    processor = Qwen2VLProcessor(checkpoint)
    part = Opener(Folder(str(root / "data"))) if stage == "collect" else Tokenizer(root / "mix", processor, out)
    with Processes(workers, part, after_s=0.0) as processes:
        while not processes.ready():
            time.sleep(0.01)


def speeds(root: Path, checkpoint: str, records: int, workers: int) -> dict[str, dict[str, float]]:
    from ain.engine.local import Local
    from ain.source.folder import Folder
    from ain.stages.collect import collect

    collect(Folder(str(folder(root / "data", records, (448, 336)))), root / "collect", Local())
    mixed(root, DRAWN)
    runs = {"one": ("ours", 1), "ours": ("ours", workers), "map": ("peer", workers)}
    made = {}
    for stage, drawn in (("collect", 1), ("tokenize", DRAWN)):
        found: dict[str, list[dict[str, float]]] = {name: [] for name in runs}
        for _ in range(REPEATS):
            for name, (who, count) in runs.items():
                found[name].append(measured(who, stage, root, checkpoint, count))
        for what in ("seconds", "cpu"):
            print(
                f"{stage}: {what} {json.dumps({name: [round(one[what], 1) for one in of] for name, of in found.items()})}"
            )
        print(
            f"{stage}: its processes start in {measured('start', stage, root, checkpoint, workers)['seconds']:.1f} seconds"
        )
        made[stage] = {
            name: drawn * records / statistics.median(one["seconds"] for one in of) for name, of in found.items()
        }
    return made


def peaks(root: Path, checkpoint: str, records: int, workers: int) -> dict[str, float]:
    folder(root / "data", records, (32, 32))
    made = {"collect": measured("kept", "collect", root, checkpoint, workers, memory=True)["peak"]}
    mixed(root, 1)
    return made | {"tokenize": measured("ours", "tokenize", root, checkpoint, workers, memory=True)["peak"]}


def main() -> None:
    from ain.pipeline.locate import locate
    from ain.runtime.distributed import cores

    asked = argparse.ArgumentParser()
    asked.add_argument("--quick", action="store_true")
    asked.add_argument(
        "--checkpoints", type=Path, default=Path("outputs"), help="where the tiny checkpoint is, or is to be"
    )
    asked.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    asked.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.one:
        one(given.memory, *given.one)
        return
    scale, workers = (5 if given.quick else 1), cores(1)
    checkpoint = locate("miniature:base?steps=3", given.checkpoints)
    with tempfile.TemporaryDirectory(dir="outputs") as where:
        root = Path(where).resolve()
        speed = speeds(root / "speed", checkpoint, 30_000 // scale, workers)
        memory = {
            count: peaks(root / str(count), checkpoint, count, workers) for count in (20_000 // scale, 200_000 // scale)
        }
    small, large = memory.values()
    print(f"peak memory, MB: {json.dumps(memory)}; {workers} workers, Python {platform.python_version()}")
    made = {
        "records_per_s": {stage: round(of["ours"], 1) for stage, of in speed.items()},
        "speedup_vs_one": round(min(of["ours"] / of["one"] for of in speed.values()), 2),
        "memory_ratio": round(max(large[stage] / small[stage] for stage in small), 2),
        "speedup_vs_one_by_stage": {stage: round(of["ours"] / of["one"], 2) for stage, of in speed.items()},
        "speedup_vs_map": {stage: round(of["ours"] / of["map"], 2) for stage, of in speed.items()},
    }
    print(json.dumps(made))


if __name__ == "__main__":
    main()
