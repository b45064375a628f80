"""Ranks: started by a job or sweep, or by srun; if one fails, all are stopped."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Command, ain
from conftest import PICO

from ain import UserError
from ain.runtime.distributed import run


def fails(number: int) -> None:
    """The second rank fails with a user error, a bug, or a kill; the first waits for it and fails as a result."""
    import torch.distributed

    torch.distributed.init_process_group("gloo")
    if os.environ["RANK"] == "1":
        if number == 0:
            raise UserError("say it better")
        if number == 1:
            raise ValueError("a bug")
        os.kill(os.getpid(), signal.SIGKILL)
    torch.distributed.barrier()


def test_one_failed_rank_ends_the_job_with_its_own_error() -> None:
    with pytest.raises(UserError, match=r"^say it better$"):
        run(fails, 0, 2, 1)
    with pytest.raises(RuntimeError, match=r"(?s)rank 1 failed.*ValueError: a bug"):
        run(fails, 1, 2, 1)
    with pytest.raises((UserError, RuntimeError), match=r"rank 1 was killed by signal 9|It lost another rank"):
        run(fails, 2, 2, 1)


FIRST = r"""
import os, sys
from pathlib import Path
from ain import UserError
from ain.runtime.distributed import on_first_rank
import torch.distributed

def listing():
    with open(sys.argv[1], "a") as file:
        file.write(os.environ["RANK"])
    return {"files": 3}

def wrong():
    raise UserError("no such directory")

found = on_first_rank("listing", listing)["files"]
try:
    on_first_rank("wrong", wrong)
except UserError as error:
    print(f"{found}\n{error}\n", end="")
torch.distributed.init_process_group("gloo")
torch.distributed.barrier()
torch.distributed.destroy_process_group()
"""


def two_ranks(by: str, *command: str) -> list[str]:
    """Run a Python script on two ranks, as srun or torchrun starts them; return what each process printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    if by == "srun":
        envs = [{**env, "WORLD_SIZE": "2", "RANK": str(number)} for number in (1, 0)]
        commands = [[sys.executable, *command]] * 2
    else:
        envs = [env]
        commands = [[sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", *command]]
    tasks = [
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=one)
        for words, one in zip(commands, envs, strict=True)
    ]
    said = [task.communicate(timeout=150) for task in tasks]
    assert [task.returncode for task in tasks] == [0] * len(tasks), said
    return [out for out, _ in said]


@pytest.mark.parametrize("by", ["srun", "torchrun"])
def test_one_rank_works_for_all_before_there_is_a_process_group(tmp_path: Path, by: str) -> None:
    (tmp_path / "first.py").write_text(FIRST)
    said = two_ranks(by, str(tmp_path / "first.py"), str(tmp_path / "ranks"))
    assert sorted("".join(said).split("\n")) == ["", "3", "3", *["no such directory"] * 2]
    assert (tmp_path / "ranks").read_text() == "0"


GRAPH = """
import sys, time
from ain.pipeline.fingerprint import digests_taken_once
from ain.pipeline.graph import Graph
from ain.pipeline.stages import STAGES
from ain.runtime.distributed import rank
from ain.storage import digests
from test_config import config

listing = digests.folder_digest

def noted(directory):
    with open(sys.argv[1], "a") as file:
        print(rank(), directory.name, file=file)
    return listing(directory)

for module in list(sys.modules.values()):  # wherever it was imported by name
    if getattr(module, "folder_digest", None) is listing:
        module.folder_digest = noted
import ain.source.folder
ain.source.folder.folder_digest = noted

time.sleep(3 * rank())  # the first rank, which keeps the store under srun, must not leave before the second has read
with digests_taken_once():
    cfg = config("source=folder", *sys.argv[2:])
    graphs = [Graph(cfg, [STAGES["train"]]) for _ in range(2)]
print(*{graph.targets[0].directory.name for graph in graphs})
"""


@pytest.mark.parametrize("by", [pytest.param("srun", marks=pytest.mark.slow), "torchrun"])
def test_outside_data_are_listed_once_and_by_one_rank(tmp_path: Path, by: str) -> None:
    """This holds for the source's folder and for a checkpoint's, and both ranks find the same directory."""
    for name in ("photos", "base"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("[]")
    (tmp_path / "graph.py").write_text(GRAPH)
    words = (f"source.path={tmp_path / 'photos'}", f"model.checkpoint={tmp_path / 'base'}")
    printed = "".join(two_ranks(by, str(tmp_path / "graph.py"), str(tmp_path / "listed"), *words))
    said = re.findall(r"\d\d-train-[0-9a-f]{12}", printed)  # both ranks write to one pipe, even into one line
    assert len(said) == 2
    assert len(set(said)) == 1
    assert sorted((tmp_path / "listed").read_text().splitlines()) == ["0 base", "0 photos"]


def test_more_nodes_are_started_from_outside() -> None:
    with pytest.raises(UserError, match="start the ranks with srun or torchrun"):
        run(fails, 0, 8, 8)


@pytest.mark.slow
def test_a_sweep_over_ranks_of_the_papers_recipe(pico: Path, tmp_path: Path) -> None:
    """The recipe at pico size, with its learning rate, on one node; each job starts its own two ranks."""
    pytest.importorskip("deepspeed", reason="DeepSpeed is not installed")
    outputs = tmp_path / "outputs"
    shutil.copytree(pico, outputs, copy_function=shutil.copy)
    words = ["train", "-m", "ain/recipe", *PICO, "model=miniature", "objective=sft_miniature", "trainer=zero3"]
    words += ["trainer.devices=2", "trainer.max_steps=2", "model.freeze_vision=true,false"]
    words += ["mixture.validation=0.02", f"output_dir={outputs}"]  # the pico run has prepared this mixture
    result = ain(*words)
    assert result.returncode == 0, result.stderr[-3000:]
    made = sorted(outputs.glob("data/*-train-*/checkpoint/model.safetensors"))
    assert len({path.read_bytes() for path in made}) == 3  # one of them is the pico run's
    manifests = [json.loads(path.read_text(encoding="utf-8")) for path in outputs.glob("data/*-train-*/manifest.json")]
    trainers = [manifest["settings"]["trainer"] for manifest in manifests]
    pico_too = [("ddp", True), ("zero3", False), ("zero3", False)]
    assert sorted((trainer["strategy"], trainer["packing"]) for trainer in trainers) == pico_too


def test_ranks_from_slurm(pico: Path, tmp_path: Path) -> None:
    """As with srun, every task runs the same command with its number in the environment; only the first one writes."""
    shutil.copytree(pico, tmp_path / "outputs", copy_function=shutil.copy)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["train", *PICO, "trainer.devices=2", "trainer.max_steps=2", f"output_dir={tmp_path / 'outputs'}"]
    slurm = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_JOB_ID": "7", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    numbers = [{"SLURM_PROCID": number, "SLURM_LOCALID": number} for number in "01"]
    tasks = [task.wait() for task in [Command(*words, env=slurm | number) for number in numbers]]
    assert [task.returncode for task in tasks] == [0, 0], tasks
    assert tasks[1].stdout == ""
    made = Path(tasks[0].stdout.strip())
    assert (made / "checkpoint" / "model.safetensors").exists()
    assert (made / "manifest.json").exists()
    other = ain(*words, "seed=1", env={"RANK": "0", "WORLD_SIZE": "2"})
    assert other.returncode == 1
    assert "mix is not done" in other.stderr
