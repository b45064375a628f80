"""Supervised fine-tuning of a tiny Qwen2-VL with this project, LLaMA-Factory and TRL: samples per second and loss.

    python benchmarks/train_peers.py [--environments DIR] [--samples 400] [--repeats 3] [--checkpointing off]

Each peer is installed, pinned, into its own environment, and trains through its own entry point (benchmarks/training).
Our runs and theirs alternate, so that slow periods of the machine affect all; medians over the repeats are reported.
Training is timed from the first step to the last: preparation before that is excluded, work per batch is included. The
last line is a JSON object.

An environment takes minutes and 6 GB to build; without DIR they are temporary. No GPU or hub access is needed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent / "training"))

import data
from runs import HERE, SETTINGS, interleaved, summary

# Both peers use an AutoProcessor, which needs torchvision, which only works with torch from the same index. Hence
# ===: torch+cpu of the same version from elsewhere does not match. Both use the same torch, which does most of the work.
TORCH = ("torch===2.13.0", "torchvision==0.28.0", "numpy==2.4.6")
PINS = {
    # The newest transformers, accelerate, peft, trl and datasets that this release allows.
    "llamafactory": (
        *TORCH,
        "torchaudio==2.11.0",
        "llamafactory==0.9.5",
        "transformers==5.6.0",
        "accelerate==1.11.0",
        "peft==0.18.1",
        "trl==0.24.0",
        "datasets==4.0.0",
        "pillow==11.3.0",
        "av==16.0.0",
    ),
    # Masking everything except answers in samples with images needs transformers 5.18 or newer.
    "trl": (
        *TORCH,
        "trl==1.16.0",
        "transformers==5.23.0",
        "accelerate==1.15.0",
        "datasets==5.2.0",
        "pillow==13.0.0",
    ),
}


def prepared(environment: Path, pins: tuple[str, ...]) -> Path:
    """Return the environment's interpreter; pip leaves an environment that already has the pins unchanged."""
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *pins], check=True)
    return python


def main(work: Path, environments: Path, samples: int, repeats: int) -> None:
    pythons = {name: prepared(environments / name, pins) for name, pins in PINS.items()}
    data.make(work, samples)
    contestants: dict[str, list[Any]] = {"ours": [sys.executable, HERE / "ours.py"]}
    contestants |= {name: [python, HERE / f"peer_{name}.py"] for name, python in pythons.items()}
    made = interleaved(contestants, work / "data", work / "runs", repeats)
    print(json.dumps({**summary(made), "checkpointing": SETTINGS["checkpointing"]}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environments", type=Path, help="kept and used again")
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--checkpointing",
        choices=("default", "off"),
        default="default",
        help="gradient checkpointing of the peers, which is on by default in both and costs them time",
    )
    chosen = parser.parse_args()
    SETTINGS["checkpointing"] = chosen.checkpointing
    with tempfile.TemporaryDirectory() as temporary:
        where = (chosen.environments or Path(temporary) / "environments").resolve()
        main(Path(temporary), where, chosen.samples, chosen.repeats)
