"""`ain.run`: a job in this process, as often as one likes, and the notebook that shows it."""

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import datasets
import pytest
from conftest import PICO
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from test_config import config

import ain as package
from ain import UserError
from ain.runtime.paths import ROOT
from ain.storage.manifest import read_manifest


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, ain; print({'hydra', 'torch', 'pyarrow', 'pydantic', 'yaml'} & set(sys.modules), ain.run)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("set() <function run")


@pytest.fixture
def outputs(pico: Path, tmp_path: Path) -> Path:
    """Return a copy of the finished pico run, because a job leaves a folder of its own."""
    return Path(shutil.copytree(pico, tmp_path / "outputs"))


def test_a_finished_run_comes_back_by_stage(outputs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = package.run("select", [*PICO, f"output_dir={outputs}"])
    assert run.directory == run.directories["select"]
    assert run.counts["select"] == read_manifest(run.directories["select"])["counts"]
    assert run.made == []
    assert {"rules", "rules_together"} <= set(run.tables["select"])
    assert "input" in run.counts["collect"]
    assert datasets.load_dataset(str(run.directory), split="train").num_rows == run.counts["select"]["kept"]
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count("ain: found done: select (") == 1


def test_again_and_again_in_one_process(tmp_path: Path) -> None:
    words = [f"output_dir={tmp_path}", "source.authentic=0"]
    first = package.run("collect", ["source.scenes=2", *words])
    second = package.run("collect", ["source.scenes=1", *words])
    again = package.run("collect", ["source.scenes=2", *words])
    assert (first.counts["collect"]["kept"], second.counts["collect"]["kept"]) == (16, 8)
    assert (first.directory, first.made, again.made) == (again.directory, ["collect"], [])
    assert not GlobalHydra.instance().is_initialized()
    assert HydraConfig.instance().cfg is None


def test_a_dry_run_touches_nothing(tmp_path: Path) -> None:
    assert package.run("collect", [f"output_dir={tmp_path}/new", "dry_run=True"]).directory is None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("slect", "slect: no such command"),
        ("select source=fodler", "source=fodler: choose one of folder, hub, miniature"),
        ("collect source.scenes=many", "source.scenes=many: expected a whole number"),
        ("collect source=folder source.path=/nowhere", "source.path=/nowhere: no such directory"),
        ("collect -m", "ain.run runs one job"),
        ("collect --cfg", "ain.run takes no flags such as --cfg"),
        ("run ain/table9", "this experiment is a sweep"),
    ],
)
def test_mistakes_raise(typed: str, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    verb, *words = typed.split()
    with pytest.raises(UserError) as raised:
        package.run(verb, [*words, f"output_dir={tmp_path}"] if "-m" not in words else words)
    assert str(raised.value).startswith(said)
    assert said not in capfd.readouterr().err  # said once, by the exception


def test_the_notebook_runs(outputs: Path) -> None:
    """Its settings compose; its cells run with those of the pico run instead, in a copy of it, whose stages they find done
    but select."""
    cells = json.loads((ROOT / "docs" / "ain.ipynb").read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    text = "\n".join(sources) + "\nprint(run.made)"
    (settings,) = re.findall(r"settings = (\[.*?\n\])", text, re.DOTALL)
    config(*ast.literal_eval(settings))
    code = text.replace(settings, repr([*PICO, "thresholds.similarity=0.85", f"output_dir={outputs}"]))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert "thresholds=strictt: choose one of" in done.stdout
    assert done.stdout.splitlines()[-1] == "['select']"
