"""Fixtures: the command line as a user runs it, and a pico world that runs through all stages in seconds."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest
from asking import RECORDS
from commands import ain

from ain.cli import main  # noqa: F401  from then on YAML is read by libyaml
from ain.runtime.paths import ROOT
from ain.storage.locks import lock

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no test depends on the network

# The same code as the default run, in three of the eight domains, with checkpoints of a few steps and a dozen scenes. The
# translator is trained longer, because otherwise it never generates an end of sequence.
SOME = "domains=vqa.ocr.cultural"
PICO = (
    "source.domains=[vqa,ocr,cultural]",
    "source.scenes=12",
    "source.authentic=4",
    f"translator.checkpoint='miniature:translator?steps=80&{SOME}'",
    f"verifier.checkpoint='miniature:encoder?steps=3&{SOME}'",
    f"screener.checkpoint='miniature:screener?steps=3&{SOME}'",
    f"back_translation.translator.checkpoint='miniature:back_translator?steps=3&{SOME}'",
    "back_translation.translator.max_new_tokens=3",
    "back_translation.records=5",
    f"model.checkpoint='miniature:base?steps=3&{SOME}'",
    "thresholds=none",
    "thresholds.unsafe=null",
    "benchmark.scenes=3",
    "benchmark.questions=2",
    "tracker=disabled",
)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the server that `commands` forks from. A process has one, and whoever starts it first says what it loads."""
    if not session.config.getoption("numprocesses", None):  # this process runs tests
        forkserver.ensure_running()


def shared(factory: pytest.TempPathFactory, name: str) -> Path:
    """Return a directory that all workers of this session share."""
    base = factory.getbasetemp()
    made = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    made.mkdir(exist_ok=True)
    return made


@pytest.fixture(scope="session")
def pico(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an outputs directory with a finished pico run, for reading only; the first test that needs it creates it."""
    outputs = shared(tmp_path_factory, "pico")
    with lock(outputs):
        if not list(outputs.glob("report/jobs/*/index.html")):
            result = ain("run", *PICO, f"output_dir={outputs}")
            assert result.returncode == 0, result.stderr
    return outputs


@pytest.fixture
def trained(pico: Path, tmp_path: Path) -> Path:
    """Return an outputs directory with only the pico run's tiny checkpoints, so that they are not trained again."""
    outputs = tmp_path / "outputs"
    shutil.copytree(pico / "checkpoints", outputs / "checkpoints")
    return outputs


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory where all tests store fully trained tiny checkpoints."""
    return shared(tmp_path_factory, "checkpoints")


@pytest.fixture
def stages() -> Callable[[Path], dict[str, list[Path]]]:
    """Return a function that maps stage names to their finished directories under an outputs directory."""

    def found(outputs: Path) -> dict[str, list[Path]]:
        names: dict[str, list[Path]] = {}
        for manifest in sorted((outputs / "data").glob("*/manifest.json")):
            names.setdefault(manifest.parent.name.split("-")[1], []).append(manifest.parent)
        return names

    return found


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Start servers; each call returns a base URL."""
    running = []

    def start(**settings: Any) -> str:
        command = [sys.executable, str(ROOT / "tests" / "openai_server.py"), json.dumps(settings)]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert running[-1].stdout
        return f"http://127.0.0.1:{running[-1].stdout.readline().strip()}/v1"

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def vqa(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records like those of visual question answering: few nouns, fewer answers, and a long one now and then."""
    folder, draw = tmp_path_factory.mktemp("vqa"), random.Random(0)
    nouns = "cat dog car bus tree house shirt table chair boat plane train horse bird cup plate phone lamp"
    rows = []
    for i in range(RECORDS):
        noun, kind = draw.choice(nouns.split()), draw.random()
        if kind < 0.3:
            turns = f"What color is the {noun}?", draw.choice(["red", "blue", "green", "black", "white"])
        elif kind < 0.6:
            turns = f"Is there a {noun} in the picture?", draw.choice(["yes", "no"])
        elif kind < 0.7:
            turns = f"How many {noun}s are in picture {i}?", str(draw.randint(0, 9))
        else:
            turns = (
                f"What does the {noun} number {i} do, see https://x.org/{i}?",
                f"It waits beside the {draw.choice(nouns.split())}.",
            )
        spoken = [{"from": who, "value": text} for who, text in zip(("human", "gpt"), turns, strict=True)]
        rows.append({"id": str(i), "conversations": spoken})
    (folder / "data.json").write_text(json.dumps(rows))
    return folder


LONGEST = (
    "test_kill.py",
    "test_train_killed.py",
    "test_families_train.py",
    "test_train.py",
    "test_verify.py",
    "test_screen.py",
    "test_ranks.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the longest files first, so that no worker is still busy with one at the end."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture(scope="session")
def survey_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a survey that tests do not answer."""
    from surveyed import built

    return built(tmp_path_factory.mktemp("built"))


@pytest.fixture
def own_survey(survey_folder: Path, tmp_path: Path) -> Path:
    """Return a survey for a test that answers it."""
    return Path(shutil.copytree(survey_folder, tmp_path / "survey"))
