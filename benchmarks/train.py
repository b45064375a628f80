"""Training compared with `transformers.Trainer` and a plain padded loop: samples per second, loss, start-up time, memory.

    python benchmarks/train.py [--samples 240] [--repeats 5]      about half an hour on two cores
    python benchmarks/train.py --quick                            a few minutes

All train one tiny Qwen2-VL of 7.3M parameters on English and Arabic samples with the lengths in
benchmarks/training/lengths.yaml, with the same optimizer, schedule, samples, tokens and images. The time includes
decoding images for all three and tokenizing for none. Each run is a separate process, runs alternate, and medians are
reported. The Trainer needs `pip install accelerate`. The last line is a JSON object:

  speedup_vs_trainer, speedup_vs_plain   our samples per second divided by theirs
  validation_loss                        after the same samples, on the same held-out ones, measured by one function
  startup_s                              from process start to the end of the first step, with 100,000 prepared samples
  memory_ratio                           peak memory with 200,000 prepared samples divided by that with 10,000
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "training"))

import data
from runs import HERE, SETTINGS, environment, interleaved, summary


def speed(work: Path, samples: int, repeats: int) -> dict[str, Any]:
    data.make(work, samples)
    contestants: dict[str, list[Any]] = {
        "ours": [sys.executable, HERE / "ours.py"],
        "plain": [sys.executable, HERE / "plain.py", "loop"],
        "trainer": [sys.executable, HERE / "plain.py", "trainer"],
    }
    return summary(interleaved(contestants, work / "data", work / "runs", repeats))


def scale(work: Path, counts: list[int]) -> dict[int, dict[str, float]]:
    """Return the seconds to the first step and the peak memory in MB after ten, for each number of prepared samples."""
    made = {}
    for count in counts:
        out = work / f"scale-{count}"
        given = {
            **SETTINGS,
            "checkpoint": str(work / "checkpoint"),
            "data": str(work / "data"),
            "out": str(out),
            "seed": 0,
        }
        command = [sys.executable, HERE / "many.py", json.dumps(given), str(count)]
        subprocess.run([*command, "prepare"], check=True, env=environment(out), stdout=sys.stderr)
        begun = time.time()
        done = subprocess.run([*command, "train"], check=True, env=environment(out), stdout=subprocess.PIPE, text=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        made[count] = {"startup_s": round(found["first_step"] - begun, 2), "peak_mb": found["peak_mb"]}
        print(count, json.dumps(made[count]), file=sys.stderr, flush=True)
    return made


def main(work: Path, samples: int, repeats: int, counts: list[int]) -> None:
    found = speed(work, samples, repeats)
    few, many, most = scale(work, counts).values()
    startup, ratio = many["startup_s"], round(most["peak_mb"] / few["peak_mb"], 3)
    memory = {"peak_mb": {"few": few["peak_mb"], "most": most["peak_mb"]}, "counts": counts}
    print(json.dumps({**found, "startup_s": startup, "memory_ratio": ratio, **memory}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=240)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="48 samples once, and a tenth of the counts for scale")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if chosen.quick:
            main(Path(temporary), 48, 1, [1_000, 10_000, 20_000])
        else:
            main(Path(temporary), chosen.samples, chosen.repeats, [10_000, 100_000, 200_000])
