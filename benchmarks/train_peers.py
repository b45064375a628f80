"""Supervised fine-tuning of one tiny Qwen2-VL by this project, by LLaMA-Factory and by TRL: samples a second and loss.

    python benchmarks/train_peers.py [--environments DIR] [--samples 400] [--repeats 3] [--checkpointing off]

Each peer is installed, pinned, into an environment of its own, and trains through its own entry point
(benchmarks/training). The runs alternate, ours and theirs, so that a slow minute of the machine is everyone's; the medians
over the repeats count. Timed is training from the first step to the last; what a peer prepares before is not, what it
does batch by batch is. The last line is one JSON object.

An environment takes minutes and 6 GB; without DIR they are made and thrown away. No GPU, no hub.
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

# Both peers make an AutoProcessor, which wants torchvision, and torchvision fits the torch of the same index only. Hence
# ===: a torch+cpu of the same version from elsewhere is no match. The two share torch, as the greater part of the work.
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
    # Masking all but the answers of samples with images wants transformers 5.18 or newer.
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
    """The environment's interpreter; pip leaves one alone that has the pins already."""
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
