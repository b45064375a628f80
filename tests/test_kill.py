"""Kill -9 before or after writes of all stages: the same command then resumes to the same rows and weights."""

import itertools
import os
import random
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from commands import Command, Result, ain
from conftest import PICO

from ain.storage.shards import Shards


def die_at_write(data: Path, how: str, nth: int) -> None:
    """Be killed right before or after the nth write to the stages' directories."""
    replace, written = os.replace, itertools.count(1)

    def dying(source: object, target: object) -> None:
        last = str(data) in str(target) and next(written) == nth
        if last and how == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)  # type: ignore[arg-type]
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = dying  # type: ignore[assignment]


def killed_again_and_again(outputs: Path, writes: int) -> tuple[int, Result]:
    """Run until no kill comes any more, each after some more writes; return the number of kills and the last result."""
    kills, nth, before = 0, writes, set[Path]()
    while True:
        how = ("after", "before")[kills % 2]
        change = partial(die_at_write, outputs / "data", how, nth)
        result = ain("evaluate", *PICO, f"output_dir={outputs}", change=change)
        if result.returncode != -signal.SIGKILL:
            return kills, result
        kills += 1
        # Die some writes later each time. A killed stage may start over, so if no new file appeared, die one write later still.
        now = {path for path in (outputs / "data").rglob("*") if path.is_file() and not path.name.startswith(".")}
        nth = writes if now - before else nth + 1
        before |= now


def untimed(shards: Shards, part: str) -> list[dict[str, Any]]:
    """Return the rows without the seconds that an answer took."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in shards.rows(part=part)]


def assert_same(one: Path, other: Path) -> None:
    names = sorted(
        path.name for path in (one / "data").iterdir() if "-probe-" not in path.name
    )  # only depends on collect
    assert sorted(path.name for path in (other / "data").iterdir()) == names
    for name in names:
        suffix = "arrow" if name.split("-")[1] in ("verify", "back_translate", "tokenize") else "parquet"
        for part in ("kept", "rejected"):
            first, second = (Shards(outputs / "data" / name, suffix=suffix) for outputs in (one, other))
            if "-train-" not in name:
                assert untimed(first, part) == untimed(second, part), f"{name}/{part}"
        weights = "checkpoint/model.safetensors"
        if "-train-" in name:
            assert (one / "data" / name / weights).read_bytes() == (other / "data" / name / weights).read_bytes()
    left = [path for path in (other / "data").rglob(".*") if path.name != ".lock"]
    assert left == []


@pytest.mark.parametrize("writes", [23, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_again_and_again_it_comes_to_the_same(pico: Path, trained: Path, writes: int) -> None:
    kills, result = killed_again_and_again(trained, writes)
    assert result.returncode == 0, result.stderr[-2000:]
    assert kills > 100 / writes
    assert_same(pico, trained)


@pytest.mark.slow
def test_killed_at_a_random_moment(pico: Path, trained: Path) -> None:
    command, moment = ["evaluate", *PICO, f"output_dir={trained}"], random.uniform(2, 15)
    Command(*command).kill_after(moment)
    again = ain(*command)
    assert again.returncode == 0, f"killed after {moment:.1f} s: {again.stderr}"
    assert_same(pico, trained)
