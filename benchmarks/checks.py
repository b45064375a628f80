"""What it costs that files are listed, compared with their digests and validated: `ain run` with and without.

    python benchmarks/checks.py [RUNS]            ten runs each, interleaved, of 60 scenes with checkpoints of a few steps

Both run all stages anew in processes of their own. CPU seconds of all processes of a run count, because they depend less
on what else the machine does. The last line is a JSON object:
  share    (with - without) / without, of the medians
  inside   the share of the CPU seconds that the run's main process spent in the checks and in what they read, the median
  with_s, without_s    the medians
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

MODE = "AIN_BENCHMARK_CHECKS"  # variable that says whether a run of this file checks: with or without
WORDS = [
    "run",
    "source.domains=[vqa,ocr,cultural]",
    "source.scenes=60",
    "translator.checkpoint='miniature:translator?steps=150'",
    "verifier.checkpoint='miniature:encoder?steps=3'",
    "screener.checkpoint='miniature:screener?steps=3'",
    "back_translation.translator.checkpoint='miniature:back_translator?steps=3'",
    "back_translation.translator.max_new_tokens=3",
    "back_translation.records=5",
    "model.checkpoint='miniature:base?steps=3'",
    "thresholds=none",
    "thresholds.unsafe=null",
    "trainer.max_steps=8",
    "benchmark.scenes=3",
    "tracker=disabled",
]


def one(mode: str, output_dir: Path) -> tuple[float, float]:
    """Return the CPU seconds of one run, and those that its main process spent in checks."""
    before = os.times()
    command = [sys.executable, __file__, "--run", f"output_dir={output_dir}"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, MODE: mode})
    if done.returncode:
        sys.exit(done.stderr)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return spent, float(done.stderr.splitlines()[-1])


def patch(mode: str) -> list[float]:
    """Time the checks, or leave them out; return the list that holds their seconds. Before other modules take the functions
    by name: whoever imports them later, gets these."""
    from ain.storage import arrow_files, listing

    inside = [0.0]

    def changed(function: Callable[..., Any], otherwise: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            started = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                inside[0] += time.thread_time() - started

        return timed if mode == "with" else otherwise

    def unchecked(path: Path) -> pa.Table:
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()

    def read(store: Any, reference: tuple[int, int]) -> Any:
        return store._table(reference[0])["bytes"][reference[1]].as_py()

    listing.file_digest = changed(listing.file_digest, lambda path: "")
    if mode == "without":
        listing.Listing.compare = lambda self, entry: None  # type: ignore[method-assign]
    arrow_files.columns_digest = changed(arrow_files.columns_digest, lambda table, names: "")
    arrow_files.mapped = changed(arrow_files.mapped, unchecked)
    from ain.storage.images import ImageStore

    ImageStore.bytes = changed(ImageStore.bytes, read)  # type: ignore[method-assign]
    return inside


def run(output_dir: str) -> None:
    """Be the command `ain run`, with its checks timed or left out."""
    from ain.cli.main import main

    sys.argv = ["ain", *WORDS, output_dir]
    main()
    print(INSIDE[0], file=sys.stderr)


INSIDE = patch(os.environ[MODE]) if MODE in os.environ else [0.0]  # in worker processes too, which import this file


def measured(runs: int, root: Path) -> dict[str, Any]:
    one("with", root / "first")  # trains the tiny checkpoints
    seconds: dict[str, list[float]] = {"with": [], "without": []}
    inside = []
    for number in range(runs):
        for mode in seconds:
            out = root / f"{mode}-{number}"
            shutil.copytree(root / "first" / "checkpoints", out / "checkpoints")
            spent, checks = one(mode, out)
            seconds[mode].append(spent)
            if mode == "with":
                inside.append(checks / spent)
            shutil.rmtree(out)
    there, without = (statistics.median(seconds[mode]) for mode in ("with", "without"))
    return {
        "share": round(there / without - 1, 4),
        "inside": round(statistics.median(inside), 4),
        "with_s": round(there, 2),
        "without_s": round(without, 2),
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        run(sys.argv[2])
    else:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measured(int(sys.argv[1]) if len(sys.argv) > 1 else 10, Path(folder))))
