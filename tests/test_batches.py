"""OpenAI's Batch API: results are complete whatever the server returns, and nothing is submitted twice after a kill."""

import itertools
import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asking import RECORDS, Serve, check, good, log, words
from commands import ain

from ain.chat.batch import Batches
from ain.chat.batch_files import BatchFiles

BATCH_FAULTS = [
    {},
    {"500": 0.2, "missing_row": 0.1, "twice": 0.2},
    {"over_quota": 0.0},
    pytest.param({"expired": 0.3, "broken": 0.05}, marks=pytest.mark.slow),
    pytest.param({"lost_create": 0.0}, marks=pytest.mark.slow),
]


@pytest.mark.parametrize("faults", BATCH_FAULTS, ids=lambda faults: "-".join(faults) or "none")
def test_batches_come_out_complete(vqa: Path, tmp_path: Path, serve: Serve, faults: dict[str, float]) -> None:
    """Rows come in any order, missing, failed, twice, or late: only missing ones are submitted again."""
    url = serve(faults=faults)
    good(ain(*words(vqa, tmp_path, url, "translator.how.batch_api=true", "translator.how.enqueued_tokens=40000")))
    assert len(check(tmp_path)) < RECORDS / 6
    asked = log(url)
    assert len(asked["batches"]) > 2  # the queue limit allows no larger ones
    assert max(batch["requests"] for batch in asked["batches"]) < RECORDS / 2
    mended = sum(kind in faults for kind in ("broken",))
    assert asked["most"] <= 1 + mended


def test_a_batch_whose_every_row_failed_stops_with_a_sentence(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    url = serve(faults={"all_fail": 0.0})
    result = ain(*words(vqa, tmp_path, url, "translator.how.batch_api=true"))
    assert result.returncode != 0
    assert "ended as completed and answered nothing (500 server_error: injected)" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param(
            "all_400", "answered nothing (400 bad_schema: injected); when that is fixed", marks=pytest.mark.slow
        ),
        ("refused", "was refused: billing: Hard limit reached; when that is fixed"),
    ],
)
def test_what_was_refused_is_submitted_again(vqa: Path, tmp_path: Path, serve: Serve, fault: str, said: str) -> None:
    url = serve(faults={fault: 0.0})
    command = words(vqa, tmp_path, url, "translator.how.batch_api=true")
    result = ain(*command)
    assert result.returncode != 0
    assert said in result.stderr, result.stderr[-2_000:]
    assert "Traceback" not in result.stderr
    good(ain(*command))
    assert not check(tmp_path)


def die_before_fetching() -> None:
    Batches._collected = lambda *_: os.kill(os.getpid(), signal.SIGKILL)  # type: ignore[assignment, method-assign]


def die_at_note(point: int) -> None:
    """Die at the nth point: there is one before and one after each noted step."""
    note, points = BatchFiles.note, itertools.count(1)

    def dying(*arguments: Any) -> Any:
        if next(points) == point:
            os.kill(os.getpid(), signal.SIGKILL)
        made = note(*arguments)
        if next(points) == point:
            os.kill(os.getpid(), signal.SIGKILL)
        return made

    BatchFiles.note = dying  # type: ignore[method-assign]


def test_open_batches_are_not_asked_for_again_live(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """Another stage directory with the same questions does not submit them again either: it fetches the open batches."""
    url = serve(faults={"refused": 0.0})
    command = words(vqa, tmp_path, url, "translator.how.batch_api=true", "translator.how.enqueued_tokens=40000")
    ain(*command, change=die_before_fetching)
    live = ain(*words(vqa, tmp_path, url))
    assert live.returncode != 0
    assert "batches of an earlier run may be open" in live.stderr
    assert log(url)["served"] == 0
    ain(*command)
    good(ain(*command))
    assert log(url)["most"] == 1


def test_batches_killed_at_every_step(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """Kills come before and after each noted step, between upload and create, and after create: nothing is submitted twice."""
    url = serve()
    command = words(vqa, tmp_path, url, "translator.how.batch_api=true", "source.limit=300")
    kills = 0
    for _ in range(20):
        # each run dies at its second point: the first is where the previous one died after its step
        run = ain(*command, change=partial(die_at_note, 2 if kills % 2 else 1))
        if run.returncode == 0:
            break
        assert run.returncode == -signal.SIGKILL, run.stderr[-2_000:]
        kills += 1
        if kills >= 10:
            good(ain(*command))
            break
    assert kills >= 5
    asked = log(url)
    assert len(asked["batches"]) == 1
    assert asked["most"] == 1
    assert sum(batch["status"] == "completed" for batch in asked["batches"]) == 1
