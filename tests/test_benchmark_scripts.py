"""The scripts in benchmarks/ run to their last line, a JSON object. What they measure is in benchmarks/README.md."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ain.runtime.paths import ROOT


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("evaluate.py", "--questions", "8", "--checkpoint", "miniature:base?steps=3"),
        ("bounds.py", "100", "200"),
        ("translate.py", "--quick"),
        ("verify.py", "--quick"),
    ],
    ids=lambda words: words[0],
)
def test_a_script_runs_to_its_last_line(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "outputs").mkdir()
    command = [sys.executable, str(ROOT / "benchmarks" / words[0]), *words[1:]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3_000:]
    assert json.loads(done.stdout.splitlines()[-1])
