"""Verification compared with a plain `SentenceTransformer.encode` of all rows in order: time, scores, memory.

    python benchmarks/verify.py            about ten minutes on two cores
    python benchmarks/verify.py --quick    a tenth of the rows

Turns are drawn from the world, with a number appended to make the wanted number of them distinct. For a visual question
answering set with short answers, 40 % of the rows are assumed to be distinct turns (`--share`). The plain script
encodes the English and the Arabic of every row with the library's own call, at the better of two batch sizes. Ours
computes the similarity like the verify stage, including reading the records and looking up every row. The last line is
a JSON object:

  speedup                at that share; ideal: rows / distinct
  speedup_no_repetition  all rows distinct
  speedup_onnx           all rows distinct, backend onnx; speedup_int8 likewise
  score_error            the largest difference of a score, backend torch; onnx and int8 likewise
  memory_ratio           peak memory of the whole stage at 200,000 rows over 20,000, without the index of distinct texts
  checks_us              microseconds per turn of the checks that need no encoder
"""

import argparse
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from ain.engine.local import Local
from ain.miniature.world import DOMAINS, World
from ain.pipeline.locate import locate
from ain.stages import verify as stage
from ain.stages.translate import SCHEMA as TRANSLATION
from ain.storage.record import RECORD
from ain.storage.shards import SHARD_ROWS, Shards
from ain.text.placeholders import turn_text
from ain.verifier.sentence_encoder import SentenceEncoder

Pair = tuple[dict[str, str], dict[str, str]]
REPEATS = 3


def turns(count: int, share: float) -> Iterator[Pair]:
    """Yield (English, Arabic) turns, `share` of them distinct; some occur often and many once, as in real questions."""
    seen = dict.fromkeys(
        (q.question, q.answer, q.question_ar, q.answer_ar)
        for d in DOMAINS
        for s in islice(World(0).scenes("bench", d), 300)
        for q in s.questions
    )
    kinds, draw = list(seen), random.Random(0)
    distinct = round(count * share)
    for row in range(count):
        number = row if row < distinct else int(distinct * draw.random() ** 3)
        question, answer, question_ar, answer_ar = kinds[number % len(kinds)]
        yield (
            {"question": f"{question} {number}", "answer": answer},
            {"question": f"{question_ar} {number}", "answer": answer_ar},
        )


def stages(root: Path, count: int, share: float) -> tuple[Path, Path]:
    """Write collect and translate directories like the pipeline's, in shuffled order."""
    order = random.Random(1).sample(range(count), count)
    pairs = list(turns(count, share))
    collect, translate = (
        Shards(root / "collect").create(),
        Shards(root / "translate", TRANSLATION).create(),
    )
    for shard, start in enumerate(range(0, count, SHARD_ROWS)):
        rows = [(str(i), *pairs[i]) for i in order[start : start + SHARD_ROWS]]
        collect.write(
            shard, [{**dict.fromkeys(RECORD.names), "id": i, "language": "en", "turns": [one]} for i, one, _ in rows]
        )
        translate.write(shard, [{"id": i, "language": "ar", "turns": [other]} for i, _, other in rows])
    return collect.directory, translate.directory


def ours(encoder: SentenceEncoder, collect: Path, translate: Path) -> tuple[float, np.ndarray]:
    with tempfile.TemporaryDirectory() as out:
        started = time.perf_counter()
        translated = stage.Translated(collect, translate)
        similarities = encoder.run(translated.pairs, Path(out), Local())
        made = [
            similarities.of(
                [
                    (turn_text(e), turn_text(a))
                    for _, es, as_, *_ in translated.shard(i)
                    for e, a in zip(es, as_, strict=True)
                ]
            )
            for i in range(len(translated))
        ]
        return time.perf_counter() - started, np.concatenate(made)


def plain(model: Any, collect: Path, translate: Path, batch_size: int) -> tuple[float, np.ndarray]:
    started = time.perf_counter()
    originals = [turn_text(row["turns"][0]) for row in Shards(collect).rows(["turns"])]
    translations = [turn_text(row["turns"][0]) for row in Shards(translate).rows(["turns"])]
    one, other = (
        model.encode(texts, batch_size=batch_size, normalize_embeddings=True, show_progress_bar=False)
        for texts in (originals, translations)
    )
    return time.perf_counter() - started, (one * other).sum(axis=1)


def compared(checkpoint: str, rows: int, share: float, root: Path) -> dict[str, Any]:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(checkpoint, device="cpu")
    backends = ["torch"] if share < 1 else ["torch", "onnx", "int8"]
    encoders = {backend: SentenceEncoder(checkpoint, backend, device="cpu") for backend in backends}
    for encoder in encoders.values():
        encoder.embed(["warm", "up"])
    collect, translate = stages(root, rows, share)
    runs: dict[str, Callable[[], tuple[float, np.ndarray]]] = {
        **{f"plain {size}": (lambda size=size: plain(model, collect, translate, size)) for size in (32, 256)},
        **{name: (lambda encoder=encoder: ours(encoder, collect, translate)) for name, encoder in encoders.items()},
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    scores = {}
    for _ in range(REPEATS):
        for name, run in runs.items():
            took, scores[name] = run()
            seconds[name].append(took)
    medians = {name: statistics.median(of) for name, of in seconds.items()}
    best = min(medians["plain 32"], medians["plain 256"])
    print(
        f"share {share}: seconds, medians of {REPEATS}: "
        + ", ".join(f"{name} {value:.1f}" for name, value in medians.items())
    )
    return {
        "speedup": {name: round(best / medians[name], 2) for name in encoders},
        "error": {name: float(np.abs(scores[name] - scores["plain 32"]).max()) for name in encoders},
    }


MEMORY = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from ain.engine.local import Local
from ain.engine.unique import Unique
from ain.stages import verify as stage
from ain.verifier.sentence_encoder import SentenceEncoder

def peak():  # of this process alone, MB
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]) / 1024

root, encoder = Path(sys.argv[1]), SentenceEncoder(sys.argv[2], device="cpu")
if sys.argv[3] == "stage":
    stage.verify(root / "collect", root / "translate", encoder, Local(), root / "verify")
    print(peak())
else:
    translated, before = stage.Translated(root / "collect", root / "translate"), peak()
    kept = Unique(text for pair in translated.pairs() for text in pair)
    print(peak() - before)
"""


def peak(root: Path, checkpoint: str, rows: int, share: float) -> tuple[float, float]:
    """Return (peak memory of the stage, size of the index) in MB."""
    stages(root, rows, share)
    made = []
    for what in ("stage", "index"):
        command = [sys.executable, "-c", MEMORY, str(root), checkpoint, what, str(Path(__file__).parent)]
        made.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1]))
    return made[0], made[1]


def checks_us() -> float:
    rows = [("", [one], [other]) for one, other in turns(3_000, 1.0)]
    list(stage.scored(rows[:1], lambda pairs: np.zeros(len(pairs))))  # loads the libraries
    started = time.perf_counter()
    list(stage.scored(rows, lambda pairs: np.zeros(len(pairs))))
    return (time.perf_counter() - started) / len(rows) * 1e6


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--quick", action="store_true")
    asked.add_argument("--share", type=float, default=0.4)
    asked.add_argument(
        "--checkpoints", type=Path, default=Path("outputs"), help="where the miniature encoder is, or is to be"
    )
    given = asked.parse_args()
    rows = 10_000 if given.quick else 100_000
    os.environ["TQDM_DISABLE"] = "1"
    checkpoint = locate("miniature:encoder?seed=0", given.checkpoints)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        some = compared(checkpoint, rows, given.share, root / "some")
        all_ = compared(checkpoint, rows, 1.0, root / "all")
        (small, index), (large, larger) = (
            peak(root / str(n), checkpoint, n, given.share) for n in (rows // 5, 2 * rows)
        )
    print(
        f"peak memory {small:.0f} and {large:.0f} MB, of which index {index:.0f} and {larger:.0f}; "
        f"Python {platform.python_version()}"
    )
    made = {
        "speedup": some["speedup"]["torch"],
        "ideal": round(1 / given.share, 2),
        "speedup_no_repetition": all_["speedup"]["torch"],
        "speedup_onnx": all_["speedup"]["onnx"],
        "speedup_int8": all_["speedup"]["int8"],
        "score_error": max(some["error"]["torch"], all_["error"]["torch"]),
        "score_error_onnx": all_["error"]["onnx"],
        "score_error_int8": all_["error"]["int8"],
        "memory_ratio": round((large - larger) / (small - index), 2),
        "checks_us": round(checks_us(), 1),
    }
    print(json.dumps(made))


if __name__ == "__main__":
    main()
