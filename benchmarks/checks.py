"""What it costs that files are listed, compared with their digests and validated: `ain run` with and without.

    python benchmarks/checks.py [RUNS]            three runs each, interleaved, of 60 scenes with checkpoints of a few steps

Both run all stages anew in processes of their own. CPU seconds of all processes of a run count, because they depend less
on what else the machine does. The last line is a JSON object:
  share    (with - without) / without, of the medians
  inside   the share of the CPU seconds that the run's main process spent in the checks themselves, the median
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
    command = [sys.executable, __file__, "--run", mode, f"output_dir={output_dir}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    after = os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return spent, float(done.stderr.splitlines()[-1])


def run(mode: str, output_dir: str) -> None:
    """Be the command `ain run`, with its checks timed or left out."""
    from ain.cli.main import main
    from ain.engine import unique
    from ain.model import samples
    from ain.pipeline import locate
    from ain.stages import predict
    from ain.storage import arrow_files, images, listing, shards, tables

    inside = [0.0]

    def plain_bytes(store: images.ImageStore, reference: tuple[int, int]) -> Any:
        return store._table(reference[0])["bytes"][reference[1]].as_py()

    def changed(function: Callable[..., Any], otherwise: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            started = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                inside[0] += time.process_time() - started

        return timed if mode == "with" else otherwise

    listing.file_digest = changed(listing.file_digest, lambda path: "")
    for module in (shards, tables, unique, samples):
        module.verified = changed(listing.verified, lambda path: path)  # type: ignore[attr-defined]
    for module in (predict, locate):
        module.verified_tree = changed(listing.verified_tree, lambda path: path)  # type: ignore[attr-defined]
    images.columns_digest = changed(arrow_files.columns_digest, lambda table, names: "")
    images.ImageStore.bytes = changed(images.ImageStore.bytes, plain_bytes)  # type: ignore[method-assign]
    sys.argv = ["ain", *WORDS, output_dir]
    main()
    print(inside[0], file=sys.stderr)


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
        run(*sys.argv[2:])
    else:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measured(int(sys.argv[1]) if len(sys.argv) > 1 else 3, Path(folder))))
