"""Kill -9 before or after every fourth write of all stages: the same command then resumes to the same rows and weights.

A child is forked from this file's main, which has imported everything but computed nothing, so a kill costs a second.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PICO

from ain.storage.shards import Shards


def work(outputs: Path) -> None:
    from ain.cli.main import run

    sys.argv = ["ain", "stage=evaluate", *PICO, f"output_dir={outputs}"]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    run()


def dying(outputs: Path, how: str, nth: int) -> None:
    """Run until the nth write to the stages' directories, and die right before or after it."""
    import os as system

    replace, written = system.replace, [0]

    def counted(source: object, target: object) -> None:
        ours = str(outputs / "data") in str(target)
        written[0] += ours
        if ours and how == "before" and written[0] == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(source, target)  # type: ignore[arg-type]
        if ours and how == "after" and written[0] == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    system.replace = counted  # type: ignore[assignment]
    work(outputs)


def child(body: object, *arguments: object) -> int:
    """Return the wait status of a forked child."""
    pid = os.fork()
    if pid:
        return os.waitpid(pid, 0)[1]
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    try:
        body(*arguments)  # type: ignore[operator]
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)
    os._exit(0)


def main(outputs: Path) -> None:
    import datasets  # noqa: F401
    import pytorch_lightning  # noqa: F401
    import sentence_transformers  # noqa: F401

    import ain.miniature.checkpoints
    import ain.objective.sft
    import ain.pipeline.runner
    import ain.stages.back_translate
    import ain.stages.evaluate
    import ain.stages.screen
    import ain.stages.train  # noqa: F401
    from ain.metrics import checks, overlap

    checks.language("نعم", "ar")  # load what is loaded on first use
    overlap.rouge("a", "a")
    overlap.meteor("a", "a", "en")
    overlap.sentence_bleu("a", "a", 2, "en")

    kills, nth, before = 0, 4, set[Path]()
    while True:
        status = child(dying, outputs, ("after", "before")[kills % 2], nth)
        if not os.WIFSIGNALED(status):
            break
        kills += 1
        # Die four writes later each time. A killed stage may start over, so if no new file appeared, die one write later still.
        now = {path for path in (outputs / "data").rglob("*") if path.is_file() and not path.name.startswith(".")}
        nth = 4 if now - before else nth + 1
        before |= now
    print(kills, status)


@pytest.fixture
def killed(pico: Path, tmp_path: Path) -> Path:
    """Return an outputs directory with only the tiny checkpoints, which are trained once for all tests."""
    shutil.copytree(pico / "checkpoints", tmp_path / "outputs" / "checkpoints")
    return tmp_path / "outputs"


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
                assert list(first.rows(part=part)) == list(second.rows(part=part)), f"{name}/{part}"
        weights = "checkpoint/model.safetensors"
        if "-train-" in name:
            assert (one / "data" / name / weights).read_bytes() == (other / "data" / name / weights).read_bytes()
    left = [path for path in (other / "data").rglob(".*") if path.name != ".lock"]
    assert left == []


def test_killed_at_every_boundary(pico: Path, killed: Path) -> None:
    result = subprocess.run(
        [sys.executable, __file__, str(killed)],
        capture_output=True,
        text=True,
        check=True,
        timeout=500,
        cwd=Path(__file__).parent,
    )
    kills, status = map(int, result.stdout.split()[-2:])
    assert status == 0, result.stderr[-2000:]
    assert kills > 10
    assert_same(pico, killed)


def test_killed_at_a_random_moment(pico: Path, killed: Path) -> None:
    command = [sys.executable, "-m", "ain", "evaluate", *PICO, f"output_dir={killed}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    moment = random.uniform(4, 20)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, f"killed after {moment:.1f} s: {again.stderr}"
    assert_same(pico, killed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
