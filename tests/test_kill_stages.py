"""Kill -9 within select, rate and a local translator: the same command then resumes to the same files, and asks nothing twice."""

import itertools
import json
import shutil
import signal
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from asking import Serve, die_at_put, good, log
from commands import ain
from conftest import PICO
from test_kill import die_at_write
from test_latency import RECORDS, folder, rate

from ain.engine import unique
from ain.storage.listing import LISTING
from ain.translator.seq2seq import Seq2Seq

__all__ = ["folder"]  # a fixture
BLOCK = 8  # texts that are translated together
VARIES = (
    "seconds",
    "finished",
    "asking_s",
    "timed_records",
    "throughput_per_s",
    "latency_s",
    "latency_total_s",
    "commit",
    "digest",  # of the manifest itself
    "files",  # a digest of their list, which holds one of metrics.json and so of its seconds
)


def copied(pico: Path, outputs: Path, *without: str) -> Path:
    """Copy a finished run without the directories of some stages."""
    unwanted = [f"??-{stage}-*" for stage in without]
    return shutil.copytree(pico, outputs, ignore=shutil.ignore_patterns("report", "runs", "wandb", *unwanted))


def killed_until_done(outputs: Path, verb: str, step: int, more: Callable[[], None] | None = None) -> list[str]:
    """Run a verb until no kill comes any more, killed at a later write each time. Return how."""
    kills: list[str] = []
    for nth in itertools.count(1, step):
        how = ("before", "after")[len(kills) % 2]
        result = ain(
            verb,
            *PICO,
            "rating.timed=0",
            f"output_dir={outputs}",
            change=partial(dying, outputs / "data", how, nth, more),
        )
        if result.returncode != -signal.SIGKILL:
            good(result)
            return kills
        kills.append(how)
    raise AssertionError


def dying(data: Path, how: str, nth: int, more: Callable[[], None] | None) -> None:
    if more:
        more()
    die_at_write(data, how, nth)


def files(outputs: Path, verb: str) -> dict[str, object]:
    """Return the content of all files of a stage, without times and their list, which has digests of files with times."""
    (directory,) = (outputs / "data").glob(f"??-{verb}-*")
    found = {str(path.relative_to(directory)): path for path in directory.rglob("*") if path.is_file()}
    return {name: content(path) for name, path in found.items() if name not in (".lock", LISTING)}


def content(path: Path) -> object:
    if path.suffix == ".json":
        return json.loads(path.read_text(), object_hook=lambda one: {k: v for k, v in one.items() if k not in VARIES})
    if path.suffix == ".xlsx":  # its properties hold the time
        with zipfile.ZipFile(path) as book:
            return {name: book.read(name) for name in book.namelist() if not name.startswith("docProps")}
    return path.read_bytes()


@pytest.mark.parametrize("verb", ["select", "rate"])
def test_killed_at_every_third_write(pico: Path, tmp_path: Path, verb: str) -> None:
    whole, torn = (copied(pico, tmp_path / name, verb) for name in ("whole", "torn"))
    good(ain(verb, *PICO, "rating.timed=0", f"output_dir={whole}"))
    assert len(killed_until_done(torn, verb, 3)) >= 3
    assert files(torn, verb) == files(whole, verb)


def in_small_blocks(notes: Path) -> None:
    """Translate a few texts together, and note which."""
    unique.BLOCK = BLOCK
    translate = Seq2Seq.translate

    def noting(self: Seq2Seq, texts: list[str]) -> list[str | None]:
        with open(notes, "a") as file:
            file.write(json.dumps(texts) + "\n")
        return translate(self, texts)

    Seq2Seq.translate = noting  # type: ignore[method-assign]


def test_a_local_translator_translates_no_block_twice(pico: Path, tmp_path: Path) -> None:
    stages = ("translate", "verify", "back_translate", "select", "mix", "tokenize", "train", "predict", "grade", "rate")
    whole, torn = (copied(pico, tmp_path / name, *stages) for name in ("whole", "torn"))
    good(ain("translate", *PICO, f"output_dir={whole}", change=partial(in_small_blocks, tmp_path / "once")))
    kills = killed_until_done(torn, "translate", 3, partial(in_small_blocks, tmp_path / "notes"))
    assert len(kills) >= 3
    assert files(torn, "translate") == files(whole, "translate")
    once, notes = ((tmp_path / name).read_text().splitlines() for name in ("once", "notes"))
    assert len(once) == len(set(once)) > 3
    assert set(notes) == set(once)
    assert len(notes) - len(once) <= len(kills)  # what was translated and not yet listed


def test_rate_pays_for_no_time_twice(folder: Path, trained: Path, serve: Serve) -> None:
    """One request is in flight at a time: killed before its answer is committed, it is lost; after, it is not."""
    url = serve()
    good(rate(folder, trained, url, "rating.timed=0"))
    assert log(url)["served"] == RECORDS
    shutil.rmtree(next((trained / "data").glob("??-rate-*")))
    for how, nth in (("before", 1), ("after", 2)):
        change = partial(die_at_put, how, nth)
        assert rate(folder, trained, url, "rating.timed=3", change=change).returncode == -signal.SIGKILL
    good(rate(folder, trained, url, "rating.timed=3"))
    assert log(url)["served"] == RECORDS + 4 + 1
    counts = json.loads(next((trained / "data").glob("??-rate-*/manifest.json")).read_text())["counts"]
    assert counts["latency_samples"] == 3
