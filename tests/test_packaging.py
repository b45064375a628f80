"""A wheel contains everything that a run needs, and works without a checkout."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from ain import __version__
from ain.runtime.paths import ROOT, install_hint

NAME = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a wheel, built from a copy of the tree because a build leaves files there."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for folder in ("ain", "conf", "experiments"):
        shutil.copytree(ROOT / folder, tree / folder, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, tree)
    pip("wheel", str(tree), "--no-deps", "--no-build-isolation", "--wheel-dir", str(out))
    (made,) = out.iterdir()
    return made


def pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_wheel_holds_all_files_of_the_project(wheel: Path) -> None:
    assert wheel.name.startswith(f"{NAME.replace('-', '_')}-{__version__}-py3")
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = {path.relative_to(ROOT) for path in (ROOT / "ain").rglob("*") if path.is_file()}
    expected = {str(path) for path in package if "__pycache__" not in path.parts}
    expected |= {f"ain/conf/{path.relative_to(ROOT / 'conf')}" for path in (ROOT / "conf").rglob("*.yaml")}
    for suffix in ("yaml", "yml"):  # Path.rglob does not follow the link from conf/experiment
        found = (ROOT / "experiments").rglob(f"*.{suffix}")
        expected |= {f"ain/conf/experiment/{path.relative_to(ROOT / 'experiments')}" for path in found}
    assert {
        "ain/conf/experiment/paper/ain/table1.yml",
        "ain/chat/prices.yml",
        "ain/harness/lm_eval.txt",
        "ain/report/templates/job.html",
    } <= held
    assert held == expected


def test_an_installed_wheel_runs_in_an_empty_directory(wheel: Path, tmp_path: Path) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    pip("install", "--no-deps", "--no-index", "--target", str(site), str(wheel))
    env = {**os.environ, "PYTHONPATH": str(site)}

    def python(*words: str) -> str:
        done = subprocess.run([sys.executable, *words], capture_output=True, text=True, cwd=empty, env=env, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    said = python(
        "-c", "import ain; from ain.runtime import paths as p; print(ain.__file__, p.PAPER, p.install_hint('onnx'))"
    )
    assert said == f"{site}/ain/__init__.py {site}/ain/conf/experiment/paper pip install '{NAME}[onnx]'"
    made = Path(python("-m", "ain", "collect", "source.scenes=3", "output_dir=out"))
    assert (empty / made / "manifest.json").exists()
    assert (empty / "out").exists()
    assert "stage: run" in python("-m", "ain", "run", "ain/corrupted", "--cfg", "job")  # a run of an experiment


def test_messages_name_the_project_and_not_its_namesake() -> None:
    """`ain` on the public index is another project, so installation messages must not name it."""
    assert install_hint("onnx") == "pip install -e '.[onnx]'"
    for path in [*(ROOT / "ain").rglob("*.py"), *(ROOT / "conf").rglob("*.yaml"), ROOT / "Makefile"]:
        assert "install 'ain[" not in path.read_text(encoding="utf-8"), path


def test_extras_refer_to_the_project_itself() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    own = next(name for name in extras["dev"] if name.startswith("ain"))
    assert own.startswith(f"{NAME}[")
    assert set(own.removeprefix(f"{NAME}[").removesuffix("]").split(",")) <= set(extras)
