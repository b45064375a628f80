"""Collect, mix and tokenize give the same files in one process, in several, on Ray, and after a kill."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ain import UserError
from ain.engine import local
from ain.engine.local import Local
from ain.engine.processes import Processes
from ain.model.qwen2_vl import Qwen2VLProcessor
from ain.pipeline.locate import locate
from ain.source.folder import Folder
from ain.source.mixture import Mixture
from ain.stages import collect as collecting
from ain.stages import mix as mixing
from ain.stages import tokenize as tokenizing
from ain.stages.collect import collect
from ain.stages.mix import mix
from ain.stages.select import REFUSED
from ain.stages.select import SCHEMA as SELECTED
from ain.stages.tokenize import tokenize
from ain.storage.image_index import ImageIndex
from ain.storage.images import ImageStore
from ain.storage.listing import LISTING
from ain.storage.seen import Seen
from ain.storage.shards import Shards

RECORDS = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Records of which many share images, some ids are double, and some images are broken."""
    path, draw = tmp_path_factory.mktemp("mine"), random.Random(0)
    for i in range(40):
        Image.new("RGB", (30 + i, 40), (6 * i, 90, 30)).save(path / f"{i}.png")
    (path / "40.png").write_bytes(b"broken")
    rows = []
    for i in range(RECORDS):
        spoken = [{"from": "human", "value": f"What is {i}?"}, {"from": "gpt", "value": "A card."}]
        rows.append({"id": str(draw.randint(0, 900)), "image": f"{draw.randint(0, 40)}.png", "conversations": spoken})
    (path / "data.json").write_text(json.dumps(rows))
    return path


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several shards, and several blocks in each."""
    monkeypatch.setattr(collecting, "SHARD_ROWS", 50)
    monkeypatch.setattr(mixing, "SHARD_ROWS", 50)
    monkeypatch.setattr(tokenizing, "BLOCK", 20)


class Workers(Local):
    """The local engine, with its processes at work from the first block on."""

    def spread(self, part: Any, method: str, blocks: Any) -> Iterator[Any]:
        with Processes(self.workers, part, after_s=0.0) as processes:
            while not processes.ready():
                time.sleep(0.01)
            yield from processes.map(method, blocks)


def prepared(folder: Path, out: Path, checkpoint: Path, engine: Any) -> dict[str, bytes]:
    """Return the content of all files that the three stages write."""
    collect(Folder(str(folder)), out / "collect", engine)
    rows = list(Shards(out / "collect").rows(["id"]))
    Shards(out / "select", SELECTED, REFUSED).create().write(0, rows)
    inputs = {"collect": out / "collect", "translate": None, "select": out / "select"}
    parts: Any = {"all": {"language": "en", "translate": False, "weight": 1.5}}
    mix({"all": inputs}, Mixture(parts, 0.1, "shown"), 0, out / "mix", engine)
    tokenize(out / "mix", Qwen2VLProcessor(str(checkpoint)), out / "tokenize", engine)
    return contents(out)


def contents(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def checkpoint(checkpoints: Path) -> Path:
    return Path(locate("miniature:base?steps=3", checkpoints))


def test_the_files_do_not_depend_on_the_processes(folder: Path, tmp_path: Path, checkpoint: Path) -> None:
    one = prepared(folder, tmp_path / "one", checkpoint, Local(1))
    assert sum(name.startswith("tokenize/kept/") for name in one) > 3
    assert prepared(folder, tmp_path / "two", checkpoint, Workers(2)) == one


@pytest.mark.slow
def test_the_files_do_not_depend_on_the_engine(folder: Path, tmp_path: Path, checkpoint: Path) -> None:
    ray_cluster = pytest.importorskip("ain.engine.ray_cluster")
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    one = prepared(folder, tmp_path / "one", checkpoint, Local(1))
    try:
        there = prepared(folder, tmp_path / "ray", checkpoint, ray_cluster.Ray(workers=2, num_cpus=0.5))
    finally:
        ray.shutdown()
    assert there == one


COLLECT = r"""
import sys
from pathlib import Path
from ain.engine import local
from ain.source import folder
from ain.stages import collect

class Folder(folder.Folder):
    def found(self, item):
        import os, time
        time.sleep(0.02)
        os.write(1, f"{os.getpid()}\n".encode())  # whole lines, whoever writes
        return super().found(item)

if __name__ == "__main__":
    collect.SHARD_ROWS, local.START_AFTER_S = 50, 0.0
    collect.collect(Folder(sys.argv[1]), Path(sys.argv[2]), local.Local(2))
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.skipif(not Path("/proc").exists(), reason="there is no /proc to find processes in")
def test_a_killed_collect_leaves_no_worker_and_resumes(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(COLLECT)
    command = [sys.executable, str(tmp_path / "slow.py"), str(folder), str(tmp_path / "killed")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env) as process:
        assert process.stdout
        workers = {int(process.stdout.readline())}
        while not list((tmp_path / "killed" / "kept").glob("*.parquet")):
            workers.add(int(process.stdout.readline()))
        process.send_signal(signal.SIGKILL)
        process.wait()
    deadline = time.monotonic() + 30
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    workers -= {process.pid}  # it worked as well while they started
    assert workers
    assert not any(map(alive, workers))
    done = len(Shards(tmp_path / "killed"))
    assert 0 < done < RECORDS / 50
    again = collect(Folder(str(folder)), tmp_path / "killed", Workers(2))
    assert again == collect(Folder(str(folder)), tmp_path / "whole", Local(1))
    left, whole = (
        {name: data for name, data in contents(tmp_path / of).items() if name != LISTING and Path(name).name[0] != "."}
        for of in ("killed", "whole")
    )  # the list of files is in the order of their writing
    assert left == whole


class Dies:
    def work(self, block: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_said_in_a_sentence() -> None:
    with pytest.raises(UserError, match=r"a worker process was killed.*lower engine\.workers"):
        list(Workers(2).spread(Dies(), "work", range(9)))


class Wrong:
    def work(self, block: int) -> int:
        raise UserError("say it better")


def test_an_error_of_a_worker_is_the_commands_error() -> None:
    with pytest.raises(UserError, match=r"^say it better$"):
        list(Workers(2).spread(Wrong(), "work", range(9)))


def test_few_blocks_start_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "START_AFTER_S", 60.0)
    assert set(Local(2).spread(Where(), "work", range(9))) == {os.getpid()}
    monkeypatch.setattr(local, "START_AFTER_S", 0.0)
    made = Local(2).spread(Where(), "work", count())
    assert next(made) == os.getpid()  # it works while the processes start, and no longer
    assert next(pid for pid in made if pid != os.getpid())
    assert os.getpid() not in islice(made, 100)


class Where:
    def work(self, block: int) -> int:
        time.sleep(0.005)
        return os.getpid()


class Loaded:
    def __init__(self, name: str) -> None:
        self.libraries = (name,)

    def work(self, block: int) -> tuple[int, set[str]]:
        return os.getpid(), set(sys.modules)


@pytest.mark.skipif(not Path("/proc").exists(), reason="there is no /proc to find processes in")
def test_workers_have_loaded_the_libraries_of_their_part_and_end_with_the_work() -> None:
    for name in ("quopri", "stringprep"):
        found = list(Workers(2).spread(Loaded(name), "work", range(4)))
        assert all(name in modules for _, modules in found)
        assert not any(alive(pid) for pid, _ in found)


def test_what_was_seen_is_known(tmp_path: Path) -> None:
    seen = Seen()
    assert [seen.add(str(i % 700)) for i in range(1_000)] == [i < 700 for i in range(1_000)]
    assert "699" in seen
    assert "700" not in seen
    assert len(seen) == 700


def test_the_index_finds_every_image(tmp_path: Path) -> None:
    store = ImageStore(tmp_path)
    for shard in range(3):
        with store.writing(shard) as writer:
            for row in range(400):
                writer.add(f"{shard} {row}", b"x", 1, 1)
    index = ImageIndex(tmp_path / "index").create(store)
    assert {name: index[name] for name in store.index()} == store.index()
    with pytest.raises(KeyError):
        index["3 0"]
