"""Runs are found again: job.json, `ain status`, `ain clean`, and the report's pages side by side."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from commands import Command, Result, ain

from ain.pipeline.masking import masked
from ain.storage.locks import lock

# Three stages without a model, in a second.
SELECT = (
    "source.authentic=0",
    "mixture=english",
    "screener=none",
    "thresholds=none",
    "thresholds.unsafe=null",
    "tracker=disabled",
)
PROBE = ("probe", "-m", "source.scenes=4", "source.authentic=0", "probe.good=4", "probe.poor=4", "tracker=disabled")


def die_after_manifest(nth: int) -> None:
    """Be killed right after the nth manifest."""
    replace, written = os.replace, iter(range(1, 1_000))

    def dying(source: object, target: object) -> None:
        replace(source, target)  # type: ignore[arg-type]
        if str(target).endswith("/manifest.json") and next(written) == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    os.replace = dying  # type: ignore[assignment]


def die_at_rmtree() -> None:
    """Be killed before the first file of a directory is deleted."""

    def dying(path: Path, **more: object) -> None:
        if path.exists():
            os.kill(os.getpid(), signal.SIGKILL)

    import shutil

    shutil.rmtree = dying  # type: ignore[assignment]


def ended(result: Result) -> str:
    assert result.returncode == 0, result.stderr[-3_000:]
    return result.stdout


def answered(answer: str, *words: str) -> str:
    """Return what a command says that asks on a terminal."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "ain", *words]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, check=True, timeout=300)
    os.close(ours)
    os.close(theirs)
    return done.stdout


def status(outputs: Path, *words: str) -> list[dict[str, Any]]:
    return json.loads(ended(ain("status", *words, "--json", f"output_dir={outputs}")))  # type: ignore[no-any-return]


def listing(outputs: Path) -> set[str]:
    return {path.relative_to(outputs).as_posix() for path in outputs.rglob("*") if path.name != ".lock"}


def test_a_job_says_what_it_is_before_its_work_and_after(tmp_path: Path) -> None:
    words = ("select", *SELECT, "source.scenes=2", f"output_dir={tmp_path}")
    killed = ain(*words, change=partial(die_after_manifest, 1))
    assert killed.returncode == -signal.SIGKILL
    (one,) = status(tmp_path)
    assert (one["status"], one["missing"]) == ("killed", ["screen", "select"])
    assert one["command"] == list(words)
    assert one["choices"] == {
        "mixture": "english",
        "screener": "none",
        "thresholds": "none",
        "tracker": "disabled",
    }
    assert "missing: screen, select" in ended(ain("status", f"output_dir={tmp_path}"))

    directory = ended(ain(*words)).splitlines()[-1]
    (one,) = status(tmp_path)
    assert (one["status"], one["missing"]) == ("done", [])
    assert [each["stage"] for each in one["directories"]] == ["collect", "screen", "select"]
    assert one["directories"][-1]["directory"] == directory
    assert one["bytes"] == sum(each["bytes"] for each in one["directories"]) > 0
    assert one["headline"]["kept"] == 16
    said = ended(ain("status", one["name"][:5], f"output_dir={tmp_path}"))
    assert f"job {one['name']}: done" in said
    assert f"ain select {' '.join(SELECT)} source.scenes=2" in said
    assert directory in said

    failed = ain(*words, "source.scenes=-1")
    assert failed.returncode == 1
    newest, _ = status(tmp_path)
    assert newest["status"] == "failed"
    assert newest["error"] in failed.stderr


def test_the_story_of_a_sweep(tmp_path: Path) -> None:
    words = ("select", "-m", *SELECT, "source.scenes=2,3,4", f"output_dir={tmp_path}")
    assert ain(*words, change=partial(die_after_manifest, 4)).returncode == -signal.SIGKILL
    (sweep,) = status(tmp_path)
    assert sweep["status"] == "1 done, 1 killed, 1 missing"
    assert [(job["asked"], job["missing"]) for job in sweep["jobs"]] == [
        ("source.scenes=2", []),
        ("source.scenes=3", ["screen", "select"]),
    ]
    (line,) = [line for line in ended(ain("status", f"output_dir={tmp_path}")).splitlines() if sweep["name"] in line]
    assert "select -m" in line
    assert "nothing to remove" in ended(ain("clean", f"output_dir={tmp_path}"))

    assert ain(*words, change=partial(die_after_manifest, 1)).returncode == -signal.SIGKILL
    (sweep,) = status(tmp_path)  # the repetition found the first job done, and was killed in the second
    assert sweep["status"] == "1 done, 1 killed, 1 missing"
    assert "nothing to remove" in ended(ain("clean", f"output_dir={tmp_path}"))

    ended(ain(*words))
    (sweep,) = status(tmp_path, sweep["sweep"])
    assert sweep["status"] == "3 done"
    said = ended(ain("status", sweep["name"], f"output_dir={tmp_path}"))
    assert f"ain select -m {' '.join(SELECT)} source.scenes=2,3,4" in said
    assert len(sweep["directories"]) == 9


def test_clean_removes_what_no_job_needs_and_nothing_else(tmp_path: Path) -> None:
    ended(ain("select", *SELECT, "source.scenes=2", f"output_dir={tmp_path}"))
    before = listing(tmp_path)
    for name in ("ledger.sqlite", "batches/1.json", "retries/1.json", "data/mine/manifest.json", "data/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    others = listing(tmp_path)
    ended(ain("select", "-m", *SELECT, "source.scenes=2,3", f"output_dir={tmp_path}"))
    both = listing(tmp_path)
    sweep, job = status(tmp_path)
    (Path(job["directories"][0]["directory"]) / ".00000.parquet.123").write_text("torn")

    planned = ended(ain("clean", sweep["name"], "--dry-run", f"output_dir={tmp_path}"))
    assert planned.count("a stage that no job refers to") == 3  # those of source.scenes=3
    assert planned.count("a torn file") == 1
    assert both < listing(tmp_path)
    refused = ain("clean", sweep["name"], f"output_dir={tmp_path}")
    assert refused.returncode == 1
    assert "nothing was removed; add --yes" in refused.stderr
    assert both < listing(tmp_path)

    ended(ain("clean", sweep["name"], "--yes", f"output_dir={tmp_path}"))
    others |= {"report/sweeps"}  # an empty folder
    assert listing(tmp_path) == others
    assert [one["name"] for one in status(tmp_path)] == [job["name"]]
    assert "removed" not in answered("no", "clean", job["name"], f"output_dir={tmp_path}")
    assert listing(tmp_path) == others
    assert "removed" in answered("yes", "clean", job["name"], f"output_dir={tmp_path}")
    left = listing(tmp_path) - (others - before)
    assert left == {"runs", "data", "report", "report/index.html", "report/index.md"}


def test_a_clean_that_is_killed_leaves_nothing_that_looks_done(tmp_path: Path) -> None:
    words = ("select", *SELECT, "source.scenes=2", f"output_dir={tmp_path}")
    ended(ain(*words))
    (job,) = status(tmp_path)
    (tmp_path / "runs" / job["name"] / "job.json").unlink()
    assert ain("clean", "--yes", f"output_dir={tmp_path}", change=die_at_rmtree).returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob("data/??-*/manifest.json"))) == 2
    assert not list(tmp_path.glob("data/.*/manifest.json"))
    assert "half removed before" in ended(ain("clean", "--yes", f"output_dir={tmp_path}"))
    assert not [path for path in (tmp_path / "data").iterdir()]


def test_a_running_job_is_left_alone(tmp_path: Path) -> None:
    """Its work is held up by the lock of a directory that it is to make."""
    words = ("select", *SELECT, "source.scenes=2", f"output_dir={tmp_path}")
    ended(ain(*words))
    (job,) = status(tmp_path)
    select = Path(job["directories"][-1]["directory"])
    (select / "manifest.json").unlink()
    with lock(select):
        command = Command(*words)
        while (one := status(tmp_path)[0])["status"] != "running" or not one["directories"]:
            assert command.process.is_alive()
        before = listing(tmp_path)
        assert "nothing to remove" in ended(ain("clean", "--yes", f"output_dir={tmp_path}"))
        refused = ain("clean", job["name"], "--yes", f"output_dir={tmp_path}")
        assert refused.returncode == 1
        assert f"{job['name']}: still runs (process {command.process.pid} on " in refused.stderr
        assert before <= listing(tmp_path)
    ended(command.wait())


def test_a_directory_in_work_is_left(tmp_path: Path) -> None:
    """A process that no job file names holds the lock."""
    ended(ain("select", *SELECT, "source.scenes=2", f"output_dir={tmp_path}"))
    (job,) = status(tmp_path)
    collect, *others = [Path(each["directory"]) for each in job["directories"]]
    with lock(collect):
        result = ain("clean", job["name"], "--yes", f"output_dir={tmp_path}")
    assert f"is making {collect.name}" in result.stderr
    assert (collect / "manifest.json").exists()
    assert not [other for other in others if other.exists()]


def test_a_damaged_job_file_stops_clean_until_the_job_is_forgotten(tmp_path: Path) -> None:
    for scenes in (2, 3):
        ended(ain("collect", f"source.scenes={scenes}", "tracker=disabled", f"output_dir={tmp_path}"))
    job, other = status(tmp_path)
    file = tmp_path / "runs" / job["name"] / "job.json"
    file.write_text('{"status": "do')
    assert [one["status"] for one in status(tmp_path)] == ["done", "damaged"]
    before = listing(tmp_path)
    for words in ((), (other["name"],)):
        refused = ain("clean", *words, "--yes", f"output_dir={tmp_path}")
        assert refused.returncode == 1
        assert f"{file}: damaged" in refused.stderr
        assert listing(tmp_path) == before
    ended(ain("clean", job["name"], "--yes", f"output_dir={tmp_path}"))
    assert [one["name"] for one in status(tmp_path)] == [other["name"]]
    assert len(list(tmp_path.glob("data/*/manifest.json"))) == 1


def test_an_unknown_name_gets_the_nearest(tmp_path: Path) -> None:
    ended(ain("collect", "source.scenes=2", "tracker=disabled", f"output_dir={tmp_path}"))
    (job,) = status(tmp_path)
    wrong = job["name"][:-1] + "x"
    for verb in ("status", "clean"):
        result = ain(verb, wrong, f"output_dir={tmp_path}")
        assert result.returncode == 1
        assert result.stderr == f"ain: {wrong}: no such job, sweep or experiment; the nearest is {job['name']}\n"


@pytest.mark.slow
def test_two_sweeps_have_pages_of_their_own(tmp_path: Path) -> None:
    """Each shows its own jobs, the first page leads to both, and what only one needs goes with it."""

    def probe(*steps: int) -> None:
        checkpoints = ",".join(f"'miniature:encoder?steps={number}'" for number in steps)
        ended(ain(*PROBE, f"verifier.checkpoint={checkpoints}", f"output_dir={tmp_path}"))

    def linked() -> list[str]:
        found = re.findall('href="([^"#]+)"', (tmp_path / "report" / "index.html").read_text(encoding="utf-8"))
        assert all((tmp_path / "report" / page).exists() for page in found)
        return found

    probe(1, 2)
    probe(2, 3)
    second, first = status(tmp_path)
    for sweep, own, other in ((first, 1, 3), (second, 3, 1)):
        text = (tmp_path / "report" / "sweeps" / sweep["sweep"] / "probe" / "index.md").read_text(encoding="utf-8")
        assert f"steps={own}" in text
        assert f"steps={other}" not in text
    pages = [f"sweeps/{sweep['sweep']}/probe/index.html" for sweep in (second, first)]
    assert linked() == [pages[0], *pages]  # the last one first, then all
    assert (tmp_path / "report" / "index.md").read_text(encoding="utf-8").startswith(f"# {second['asked']}\n")

    ended(ain("clean", first["name"], "--yes", f"output_dir={tmp_path}"))
    assert linked() == [pages[0]] * 2
    assert len(list((tmp_path / "checkpoints").glob("miniature-*"))) == 2
    assert len(list(tmp_path.glob("data/??-probe-*"))) == 2
    assert not (tmp_path / "report" / "sweeps" / first["sweep"]).exists()


@pytest.mark.parametrize(
    ("word", "kept"),
    [
        ("translator.how.base_url=https://me:pw@example.org/v1?api_key=abc", "https://***@example.org/v1?api_key=***"),
        ("translator.how.headers={api-key: abc}", "translator.how.headers=***"),
        ("translator.how.headers={api-key: AZURE_KEY}", "translator.how.headers={api-key: AZURE_KEY}"),
        ("translator.how.headers.api-key=abc", "translator.how.headers.api-key=***"),
        ("translator.how.api_key_env=sk-0123456789abcdef0123", "translator.how.api_key_env=***"),
        ("translator.how.token_limit=max_tokens", "translator.how.token_limit=max_tokens"),
        ("screener=none", "screener=none"),
    ],
)
def test_secrets_are_masked(word: str, kept: str) -> None:
    assert masked(word).endswith(kept)
    assert "abc" not in masked(word)


def test_a_login_in_a_url_stays_out_of_all_files(tmp_path: Path) -> None:
    url = "translator.how.base_url=http://me:pw-s3cret@127.0.0.1:1/v1"
    words = ("translator=openai_compatible", "translator.model=m", url, "tracker=offline", f"output_dir={tmp_path}")
    for more in ((), ("-m", "source.scenes=2,3")):
        ended(ain("collect", "source.scenes=2", *words, *more))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"overrides.yaml", "multirun.yaml", "job.json"} <= {path.name for path in files}
    assert not [path for path in files if b"s3cret" in path.read_bytes()]
