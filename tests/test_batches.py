"""OpenAI's Batch API: results are complete whatever the server returns, and nothing is submitted twice after a kill."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from asking import Serve, check, good, log, words
from conftest import ain

from ain.runtime.paths import ROOT

BATCH_FAULTS = [
    {},
    {"500": 0.2, "missing_row": 0.1, "twice": 0.2},
    {"expired": 0.3, "broken": 0.05},
    {"over_quota": 0.0},
    {"lost_create": 0.0},
]


@pytest.mark.parametrize("faults", BATCH_FAULTS, ids=lambda faults: "-".join(faults) or "none")
def test_batches_come_out_complete(vqa: Path, tmp_path: Path, serve: Serve, faults: dict[str, float]) -> None:
    """Rows come in any order, missing, failed, twice, or late: only missing ones are submitted again."""
    url = serve(faults=faults)
    good(ain(*words(vqa, tmp_path, url, "translator.how.batch_api=true", "translator.how.enqueued_tokens=100000")))
    assert len(check(tmp_path)) < 200
    asked = log(url)
    assert len(asked["batches"]) > 2  # the queue limit allows no larger ones
    assert max(batch["requests"] for batch in asked["batches"]) < 500
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
        ("all_400", "answered nothing (400 bad_schema: injected); when that is fixed"),
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


def test_open_batches_are_not_asked_for_again_live(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """Another stage directory with the same questions does not submit them again either: it fetches the open batches."""
    url = serve(faults={"refused": 0.0})
    command = words(vqa, tmp_path, url, "translator.how.batch_api=true", "translator.how.enqueued_tokens=100000")
    code = (
        "import os, signal, sys\nfrom ain.chat.batch import Batches\nfrom ain.__main__ import main\n"
        "Batches._collected = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\nmain()\n"
    )
    subprocess.run([sys.executable, "-c", code, *command], capture_output=True, cwd=ROOT, check=False)
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
    code = (
        "import os, signal, sys\nfrom ain.chat.batch_files import BatchFiles\nfrom ain.__main__ import main\n"
        "note, left = BatchFiles.note, [int(sys.argv.pop(1))]\n"
        "def dying(self, path, state):\n"
        "    left[0] -= 1\n"
        "    if left[0] == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    made = note(self, path, state)\n"
        "    left[0] -= 1\n"
        "    if left[0] == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return made\n"
        "BatchFiles.note = dying\nmain()\n"
    )
    kills = 0
    for _ in range(20):
        # each run dies at its second point: the first is where the previous one died after its step
        point = "2" if kills % 2 else "1"
        run = subprocess.run([sys.executable, "-c", code, point, *command], capture_output=True, cwd=ROOT, check=False)
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
