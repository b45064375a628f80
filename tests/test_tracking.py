"""W&B, read back from what its offline mode wrote: each job is one run, and nothing is told twice."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from commands import ain
from conftest import PICO
from wandb_files import Told, runs

from ain.storage.listing import mark_done
from ain.storage.tables import write_table
from ain.tracking import run as tracked
from ain.tracking.content import Made, media
from ain.tracking.tracker import Tracker
from ain.trainer.history import HISTORY, History, read

WORDS = [*(word for word in PICO if not word.startswith("tracker")), "tracker=offline"]
SECRET = "this-must-not-be-anywhere-" + "0123456789abcdef"


@pytest.fixture(scope="module")
def outputs(pico: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an outputs directory in which the pico run is finished, and no W&B run is known."""
    copied = tmp_path_factory.mktemp("tracked") / "outputs"
    shutil.copytree(pico, copied)
    shutil.rmtree(copied / "runs")
    return copied


@pytest.fixture
def fresh(outputs: Path) -> Iterator[Path]:
    """Return the same directory; the runs of the test are removed after it."""
    yield outputs
    shutil.rmtree(outputs / "runs", ignore_errors=True)


class Recorder(ThreadingHTTPServer):
    """A server that counts what asks it for anything, as a proxy or as W&B itself."""

    def __init__(self) -> None:
        self.asked: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def _refuse(self) -> None:
                asked.append(self.requestline)
                self.send_error(503)

            do_GET = do_POST = do_CONNECT = _refuse  # noqa: N815

        asked = self.asked
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def environment(self) -> dict[str, str]:
        url = f"http://127.0.0.1:{self.server_port}"
        proxies = {name: url for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")}
        return {**proxies, "WANDB_BASE_URL": url, "WANDB_API_KEY": SECRET, "NO_PROXY": "", "no_proxy": ""}


def only(found: dict[str, Told]) -> Told:
    (told,) = found.values()
    return told


def assert_told_once(told: Told) -> None:
    """Each step of each curve and each table is told once; the last file has an exit record."""
    for prefix in ("train", "validation"):
        steps = told.column(f"{prefix}/step")
        assert steps == sorted(set(steps)), prefix
    keys = [key for row in told.history for key in row if key.startswith(("tables/", "figures/"))]
    assert len(keys) == len(set(keys))
    numbers = told.column("_step")
    assert numbers == sorted(set(numbers))
    assert told.exits[-1] is not None


def test_a_job_is_one_run(fresh: Path) -> None:
    recorder = Recorder()
    words = ["run", *WORDS, "translator.how.batch_size=7", f"output_dir={fresh}"]
    first = ain(*words, env=recorder.environment)
    assert first.returncode == 0, first.stderr
    assert recorder.asked == []  # offline is offline, whoever is logged in
    found = runs(fresh)
    (name,) = (path.parent.name for path in fresh.glob("runs/*/job.json"))
    told = found[name]
    assert (told.about["type"], told.about["group"], told.about["tags"]) == ("run", "", ["miniature"])
    assert_told_once(told)
    _assert_config(told)
    _assert_numbers(told)
    _assert_tables_and_figures(told)
    _assert_artifacts(told)
    assert not [path for path in (fresh / "runs").rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    again = ain(*words, env=recorder.environment)
    assert again.returncode == 0, again.stderr
    assert len(list(fresh.rglob("run-*.wandb"))) == 1
    listed = subprocess.run(
        [sys.executable, "-m", "wandb", "sync", "--yes", "--dry-run", str(told.files[0].parent.parent)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"run-{name}.wandb" in listed.stderr + listed.stdout


def _assert_config(told: Told) -> None:
    chosen = {key: value for key, value in told.config.items() if key.startswith("choice.")}
    assert {"choice.translator", "choice.thresholds", "choice.model"} <= set(chosen)
    assert chosen["choice.thresholds"] == "none"
    assert told.config["source.scenes"] == 12
    assert told.config["seed"] == 0
    assert told.config["stage.train"].startswith("09-train-")
    assert told.config["config"]["translator"]["how"]["batch_size"] == 7
    flat = [value for key, value in told.config.items() if key != "config"]
    assert all(isinstance(value, int | float | str) for value in flat)


def _assert_numbers(told: Told) -> None:
    own = {key: value for key, value in told.summary.items() if not key.startswith(("tables/", "figures/", "_"))}
    assert {"collect/kept", "select/rejected", "train/seconds", "train/final_loss", "predict_base/seconds"} <= set(own)
    for model in ("base", "tuned"):
        place = f"grade/miniature/{model}/ar/all"
        assert own[f"{place}/low"] <= own[f"{place}/accuracy"] <= own[f"{place}/high"]
        assert own[f"{place}/questions"] > 0
    assert (own["exit_code"], own["status"]) == (0, "done")
    assert own.pop("train/loss") == {"min": min(told.column("train/loss"))}  # W&B's own, of the curve
    curves = {key for key in own if key.startswith("validation/loss")}
    assert all(own.pop(key) == {"min": min(told.column(key))} for key in curves)
    assert not {key: value for key, value in own.items() if not isinstance(value, int | float | str)}
    assert not [key for key in own if " " in key]
    assert told.metrics["train/*"].step_metric == "train/step"
    assert told.metrics["train/loss"].summary.min
    assert len(told.column("train/loss")) == len(told.column("train/step")) > 1


def _assert_tables_and_figures(told: Told) -> None:
    tables = told.tables()
    assert {"tables/probe/pairs", "tables/grade_tuned/accuracy", "tables/screen/gallery"} <= set(tables)
    assert "tables/train/steps" not in tables  # it is the curve
    pairs = json.dumps(tables["tables/probe/pairs"]["data"], ensure_ascii=False)
    assert any("\u0600" <= letter <= "\u06ff" for letter in pairs)
    (entries,) = (entries for name, (_, _, entries) in told.artifacts.items() if "screengallery" in name)
    assert len(entries) == 1 + len(tables["tables/screen/gallery"]["data"])  # W&B keeps a table with its images
    images = {
        key: row[key]["sha256"]
        for row in told.history
        for key in row
        if isinstance(row[key], dict) and "width" in row[key]
    }
    drawn = {f"figures/report/{name}" for name in ("accuracy", "answers", "radar")}
    assert {"figures/train/loss"} | drawn <= set(images)
    questions = tables["tables/report/questions"]
    wanted = {"thumbnail", "question", "label", "base", "base: score", "tuned", "tuned: score"}
    assert wanted <= set(questions["columns"])
    assert len(questions["data"]) == 72  # 36 questions, with right and wrong images
    assert len(set(images.values())) == len(images)


def _assert_artifacts(told: Told) -> None:
    made = {name: value for name, value in told.artifacts.items() if value[1].get("stage")}
    (model,) = (value for value in made.values() if value[0] == "model")
    assert model[1]["follows"] == {"tokenize": told.config["stage.tokenize"]}
    assert {value[1]["stage"] for value in made.values()} == {
        re.sub("_(base|tuned)$", "", key.removeprefix("stage.")) for key in told.config if key.startswith("stage.")
    }
    for _, metadata, references in made.values():
        assert references == [f"file://{metadata['directory']}/manifest.json"]


@pytest.mark.slow
def test_a_sweep_is_a_group_of_runs(fresh: Path) -> None:
    """Jobs that only publish and jobs that train share a process; what they share is shown by each."""
    words = ["train", *WORDS, "-m", "prompt=arabic,english", "trainer.max_epochs=1,2", f"output_dir={fresh}"]
    for _ in range(2):
        result = ain(*words, env={"WANDB_API_KEY": ""})
        assert result.returncode == 0, result.stderr
    every = runs(fresh)
    assert sorted(told.about["type"] for told in every.values()) == ["sweep", *4 * ["train"]]
    found = {name: told for name, told in every.items() if told.about["type"] == "train"}
    (sweep,) = (path.name for path in (fresh / "runs").glob("sweep-*"))
    for name, told in found.items():
        assert len(told.files) == 1
        assert name.endswith(sweep.removeprefix("sweep"))
        assert (told.about["group"], told.about["type"]) == (sweep, "train")
        assert (told.config["sweep"], told.summary["exit_code"]) == (sweep, 0)
        assert_told_once(told)
    by_choice = {(one.config["choice.prompt"], one.config["trainer.max_epochs"]): one for one in found.values()}
    losses = {key: one.column("train/loss") for key, one in by_choice.items()}
    assert losses["arabic", 1] == losses["english", 1]
    assert len(losses["arabic", 2]) == 2 * len(losses["arabic", 1])


def test_select_publishes_too_and_its_sweep_counts_by_thresholds(fresh: Path) -> None:
    result = ain("select", *WORDS, "-m", "thresholds.similarity=0.1,0.9", f"output_dir={fresh}")
    assert result.returncode == 0, result.stderr
    found = [told for told in runs(fresh).values() if told.about["type"] != "sweep"]
    assert sorted(told.config["thresholds.similarity"] for told in found) == [0.1, 0.9]
    assert all(told.about["type"] == "select" and told.summary["select/input"] > 0 for told in found)


def die_when_followed(step: int) -> None:
    """Follow curves closely, and be killed after this step, when W&B's run is open."""
    tracked.POLL_S = 0.01
    add = History.add

    def added(self: History, row: dict[str, float]) -> None:
        add(self, row)
        if row["step"] == step and self.path.name == HISTORY:
            (out,) = (parent for parent in self.path.parents if (parent / "runs").exists())
            while not list(out.glob("runs/*/published.json")):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)

    History.add = added  # type: ignore[method-assign]


def test_a_killed_training_continues_its_run(fresh: Path) -> None:
    words = ["train", *WORDS, "trainer.every_n_train_steps=2", f"output_dir={fresh}"]
    assert ain(*words, change=partial(die_when_followed, 5)).returncode == -signal.SIGKILL
    assert only(runs(fresh)).exits == [None]  # it was opened while training ran
    result = ain(*words)
    assert result.returncode == 0, result.stderr
    told = only(runs(fresh))
    assert len(told.files) == 2
    assert len({file.parent.parent for file in told.files}) == 1
    assert_told_once(told)
    (history,) = fresh.glob(f"data/{told.config['stage.train']}/{HISTORY}")
    assert told.column("train/step") == [row["step"] for row in read(history)]
    assert told.column("train/loss") == [row["loss"] for row in read(history)]
    assert told.summary["exit_code"] == 0


KILLED = """
import os, signal, sys, time
from pathlib import Path
from ain.tracking import run
from ain.tracking.content import Made, media

run.POLL_S = 0.01
folder = Path(sys.argv[1])
made = run.Run(run.Tracker("offline"), run.Description("an-id", "a name", None, "train", folder))
with made.follow(Made("train", folder / "09-train-1", curves={"history.jsonl": "train"})):
    while not list(folder.glob("wandb/*/*.wandb")) or next(folder.glob("wandb/*/*.wandb")).stat().st_size < 70_000:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_kill_kept_from_the_disk_is_told_again(tmp_path: Path) -> None:
    """W&B writes in blocks: of a killed job's rows, some are in its file and some are not."""
    rows = [{"step": step, "loss": 1 / step} for step in range(1, 1001)]
    stage = tmp_path / "09-train-1"
    stage.mkdir()
    (stage / HISTORY).write_text("".join(json.dumps(row) + "\n" for row in rows))
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    told = only(runs(tmp_path)).column("train/step")
    assert told == list(range(1, len(told) + 1))
    assert 100 < len(told) < 1000
    mark_done(stage, {"stage": "train", "seconds": 1, "counts": {}, "follows": {}})
    run = tracked.Run(Tracker("offline"), tracked.Description("an-id", "a name", None, "train", tmp_path))
    run.publish([Made("train", stage, curves={HISTORY: "train"})])
    told = only(runs(tmp_path))
    assert_told_once(told)
    assert told.column("train/loss") == [row["loss"] for row in rows]


def test_a_failed_job_is_a_run_that_says_why(fresh: Path) -> None:
    words = ["verify", *WORDS, "verifier=labse", f"output_dir={fresh}"]
    result = ain(*[word for word in words if not word.startswith("verifier.")])
    assert result.returncode == 1
    told = only(runs(fresh))
    assert told.exits == [1]
    assert (told.summary["exit_code"], told.summary["status"]) == (1, "unavailable")
    assert "LaBSE" in told.summary["error"]
    assert told.summary["collect/kept"] > 0
    assert (told.about["type"], told.config["choice.verifier"]) == ("verify", "labse")


def test_online_without_a_login_is_said_in_a_sentence(fresh: Path, tmp_path: Path) -> None:
    words = ["select", *WORDS, "tracker=online", f"output_dir={fresh}"]
    result = ain(*words, env={"WANDB_API_KEY": "", "HOME": str(tmp_path)})
    assert result.returncode == 1
    assert "not logged in; type wandb login, or set WANDB_API_KEY" in result.stderr
    assert "Traceback" not in result.stderr
    assert runs(fresh) == {}


def test_any_login_that_wandb_knows_is_accepted_unasked(tmp_path: Path) -> None:
    """A server of one's own, its key in a netrc file elsewhere; nothing is sent to check it."""
    recorder = Recorder()
    netrc = tmp_path / "keys"
    netrc.write_text(f"machine 127.0.0.1:{recorder.server_port}\n  login user\n  password {'k' * 40}\n")
    netrc.chmod(0o600)
    changed = recorder.environment | {"NETRC": str(netrc), "HOME": str(tmp_path)}
    del changed["WANDB_API_KEY"]
    code = "from ain.tracking.tracker import Tracker; Tracker('online').check()"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, **changed}, check=True)
    assert recorder.asked == []


def test_a_table_without_rows_is_not_published(tmp_path: Path) -> None:
    """As the comparison with the paper of figures that print no numbers."""
    for name, rows in (("none", []), ("some", [{"a": 1}])):
        write_table(tmp_path / f"{name}.csv", rows)
    tables = {name: tmp_path / f"{name}.csv" for name in ("none", "some")}
    assert list(media([], {}, tables)) == ["tables/some"]
