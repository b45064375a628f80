"""Fixtures: the command line as a user has it, and a pico world that goes the whole way in seconds."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ain.__main__ import ROOT

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# The same code as the default run, with checkpoints of a few steps and a dozen scenes. The translator learns a little more,
# or nothing it says would ever end.
PICO = (
    "source.scenes=12",
    "source.authentic=4",
    "translator.checkpoint='miniature:translator?steps=150'",
    "verifier.checkpoint='miniature:encoder?steps=3'",
    "screener.checkpoint='miniature:screener?steps=3'",
    "model.checkpoint='miniature:base?steps=3'",
    "thresholds=none",
    "thresholds.unsafe=null",
    "benchmark.scenes=3",
    "benchmark.questions=2",
    "tracker=disabled",
)

Result = subprocess.CompletedProcess[str]


def ain(*words: str, cwd: Path = ROOT, env: dict[str, str] | None = None) -> Result:
    return subprocess.run(
        [sys.executable, "-m", "ain", *words],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        check=False,
        timeout=600,
    )


@pytest.fixture(scope="session")
def pico(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An outputs directory where the pico run is finished."""
    outputs = tmp_path_factory.mktemp("pico")
    result = ain("run", *PICO, f"output_dir={outputs}")
    assert result.returncode == 0, result.stderr
    return outputs


@pytest.fixture
def stages() -> Callable[[Path], dict[str, list[Path]]]:
    """Stage name → its finished directories under an outputs directory."""

    def found(outputs: Path) -> dict[str, list[Path]]:
        names: dict[str, list[Path]] = {}
        for manifest in sorted((outputs / "data").glob("*/manifest.json")):
            names.setdefault(manifest.parent.name.split("-")[1], []).append(manifest.parent)
        return names

    return found
