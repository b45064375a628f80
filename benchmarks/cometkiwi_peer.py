"""Compare the scores of `ain.verifier.cometkiwi` with those of the original COMET package.

    python benchmarks/cometkiwi_peer.py [ENVIRONMENT]

COMET is installed, pinned, into its own environment. The script builds the tiny checkpoints of tests/tiny_comet.py,
scores their pairs with unbabel-comet, stores the scores with all versions in tests/data/cometkiwi.json for the test,
scores the pairs with our implementation, and prints the largest difference as its last line. ENVIRONMENT is kept and
reused; without it, a temporary one is built, which takes minutes. No GPU or hub access is needed.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import tiny_comet  # noqa: E402

from ain.verifier.cometkiwi import CometKiwi  # noqa: E402

# COMET looks up its own version with pkg_resources, which newer setuptools lack. Without it, COMET silently
# applies the sparsemax that a released model names but was not trained with.
PINS = ("unbabel-comet==2.2.7", "torch==2.13.0", "setuptools<81")

SCRIPT = """
import json, sys
from importlib.metadata import version

import pkg_resources
from comet import load_from_checkpoint

pairs, checkpoints = json.load(open(sys.argv[1], encoding="utf-8"))
samples = [{"src": source, "mt": translation} for source, translation in pairs]
made = {"versions": {name: version(name) for name in ("unbabel-comet", "torch", "transformers")}, "scores": {}}
for variant, checkpoint in checkpoints.items():
    model = load_from_checkpoint(checkpoint + "/checkpoints/model.ckpt", local_files_only=True)
    made["scores"][variant] = model.predict(samples, batch_size=4, gpus=0, progress_bar=False).scores
json.dump(made, open(sys.argv[2], "w", encoding="utf-8"), indent=2)
"""


def prepared(environment: Path) -> Path:
    """Return the environment's interpreter; install the pins into a new environment."""
    python = environment / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PINS], check=True)
    return python


def original_scores(python: Path, checkpoints: dict[str, str], work: Path) -> dict[str, dict]:
    """Return the versions, and for each variant the original's score of each pair."""
    (work / "peer.py").write_text(SCRIPT, encoding="utf-8")
    (work / "pairs.json").write_text(json.dumps([tiny_comet.PAIRS, checkpoints]), encoding="utf-8")
    command = [python, work / "peer.py", work / "pairs.json", work / "scores.json"]
    subprocess.run(command, check=True, stdout=sys.stderr, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    return json.loads((work / "scores.json").read_text(encoding="utf-8"))


def main(work: Path, environment: Path) -> None:
    checkpoints = {variant: str(tiny_comet.build(variant, work)) for variant in tiny_comet.VARIANTS}
    original = original_scores(prepared(environment), checkpoints, work)
    kept = ROOT / "tests" / "data" / "cometkiwi.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(original, indent=2) + "\n", encoding="utf-8")
    differences = {
        variant: float(abs(CometKiwi(checkpoint, 4, "cpu").score(tiny_comet.PAIRS) - original["scores"][variant]).max())
        for variant, checkpoint in checkpoints.items()
    }
    print(json.dumps({"max_difference": max(differences.values()), "by_variant": differences, **original["versions"]}))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        given = sys.argv[1:] or [str(Path(temporary) / "environment")]
        main(Path(temporary), Path(given[0]))
