"""Training: on two ranks as on one, killed and taken up again as undisturbed, and what is exported is what was trained."""

import contextlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mixed
import pytest
import torch
from conftest import PICO, ain
from test_config import config

from ain import UserError
from ain.model.size import Load
from ain.part import build, plain
from ain.pipeline import STAGES, Run
from ain.ranks import run
from ain.trainer.estimate import lines
from ain.trainer.export import answer_logits
from ain.trainer.fit import Fit, fit
from ain.trainer.watch import read


@pytest.fixture(scope="module")
def base(pico: Path) -> str:
    return str(next((pico / "checkpoints").glob("miniature-base-*")))


@pytest.fixture(scope="module")
def pack(base: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixed.prepared(base, tmp_path_factory.mktemp("mixed"))


@pytest.fixture(scope="module")
def alone(base: str, pack: Path, tmp_path_factory: pytest.TempPathFactory) -> Fit:
    """One process that accumulates two rows a step."""
    job = mixed.work(pack, base, tmp_path_factory.mktemp("alone"), accumulate=2)
    mixed.run(job)
    return job


def losses(out: Path) -> list[float]:
    return [row["loss"] for row in read(out / "history.jsonl")]


def exported(out: Path) -> bytes:
    return (out / "checkpoint" / "model.safetensors").read_bytes()


@pytest.fixture(autouse=True)
def _impatient() -> Iterator[None]:
    """Ranks that wait for one another wait for ever."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it hangs"))
    signal.alarm(150)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("strategy", "accumulate"), [("zero2", 1), ("zero3", 2)])
def test_two_ranks_follow_one(strategy: str, accumulate: int, pack: Path, base: str, tmp_path: Path) -> None:
    """Rows with pictures, with videos and with text alone on both ranks; none waits for the other for ever."""
    pytest.importorskip("deepspeed", reason="DeepSpeed is not installed")
    alone = mixed.work(pack, base, tmp_path / "alone", accumulate=2 * accumulate, show=1)
    mixed.run(alone)
    tmp_path /= "shared"
    mixed.run(mixed.work(pack, base, tmp_path, strategy=strategy, devices=2, accumulate=accumulate, show=1))
    assert losses(tmp_path) == pytest.approx(losses(alone.out), rel=1e-4)
    norms = [[row["gradient_norm"] for row in read(out / "history.jsonl")] for out in (tmp_path, alone.out)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-3)
    answers = [answer_logits(alone.model.reload(out / "checkpoint"), alone) for out in (tmp_path, alone.out)]
    torch.testing.assert_close(*answers, atol=2e-3, rtol=2e-3)
    assert torch.equal(answers[0].argmax(-1), answers[1].argmax(-1))
    tables = [(out / "tables" / "answers.csv").read_text(encoding="utf-8") for out in (tmp_path, alone.out)]
    assert tables[0] == tables[1]


def test_killed_between_checkpoints_it_comes_to_the_same_weights(pack: Path, base: str, tmp_path: Path) -> None:
    """Also with batches that were made ahead, in other processes."""
    killed, once = (
        mixed.work(pack, base, tmp_path / name, accumulate=2, workers=2, checkpoint_every=2, show=1)
        for name in ("killed", "once")
    )
    assert mixed.elsewhere(killed, die_at_step=5) == -signal.SIGKILL
    assert len(losses(killed.out)) == 5
    assert mixed.elsewhere(killed) == 0
    assert mixed.elsewhere(once) == 0
    assert losses(killed.out) == losses(once.out)
    assert exported(killed.out) == exported(once.out)


def test_killed_around_every_write_it_comes_to_the_same_weights(pack: Path, base: str, tmp_path: Path) -> None:
    """The marks and names of checkpoints, the table of answers, the export: before an odd one, after an even one."""
    killed, once = (
        mixed.work(pack, base, tmp_path / name, max_steps=4, checkpoint_every=2, show=1) for name in ("killed", "once")
    )
    for write in (2, 3, 4, 2, 3, 4, 2, 3):
        assert mixed.elsewhere(killed, die_at_write=write) == -signal.SIGKILL
    assert mixed.elsewhere(killed) == 0
    assert mixed.elsewhere(once) == 0
    assert losses(killed.out) == losses(once.out)
    assert exported(killed.out) == exported(once.out)
    assert [path for path in killed.out.rglob(".*")] == []


@pytest.mark.slow
def test_ten_kills_of_two_ranks(pico: Path, tmp_path: Path) -> None:
    """The command is killed at random moments, ranks and all; in the end it has trained what an undisturbed one trains."""
    outs = []
    for name, kills in (("killed", 10), ("once", 0)):
        outs.append(tmp_path / name)
        shutil.copytree(pico, outs[-1], copy_function=shutil.copy)
        words = ["train", *PICO, "trainer=zero2", "trainer.devices=2", "trainer.row_tokens=512", "trainer.max_steps=60"]
        command = [sys.executable, "-m", "ain", *words, "trainer.checkpoint_every=3", f"output_dir={outs[-1]}"]
        signal.alarm(0)
        for _ in range(kills):
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(random.uniform(15, 30))
            process.kill()
            process.wait()
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr[-3000:]
    newest = [max(out.glob("data/*-train-*"), key=os.path.getmtime) for out in outs]
    assert losses(newest[0]) == pytest.approx(losses(newest[1]), rel=1e-5)
    assert exported(newest[0]) == exported(newest[1])


def test_a_torn_checkpoint_is_passed_over(pack: Path, base: str, tmp_path: Path) -> None:
    job = mixed.work(pack, base, tmp_path, checkpoint_every=2)
    fit(job)
    whole, rows = exported_after(job), losses(tmp_path)
    newest = job.checkpoints.latest()
    assert newest is not None
    (newest / "state").write_bytes((newest / "state").read_bytes()[:1000])
    before = job.checkpoints.latest()
    assert before is not None
    assert before.name == "step-00000004"
    fit(job)
    assert exported_after(job) == whole
    assert losses(tmp_path) == rows


def exported_after(job: Fit) -> dict[str, bytes]:
    from ain.trainer.export import weights

    newest = job.checkpoints.latest()
    assert newest is not None
    return {name: tensor.numpy().tobytes() for name, tensor in weights(newest / "state").items()}


def test_a_full_disk_leaves_the_last_checkpoint(
    pack: Path, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pytorch_lightning as pl

    job = mixed.work(pack, base, tmp_path, checkpoint_every=2)
    save, count = pl.Trainer.save_checkpoint, [0]

    def full(self: pl.Trainer, path: Path, *more: Any) -> None:
        count[0] += 1
        if count[0] == 2:
            Path(path).write_bytes(b"half")
            raise OSError(28, "No space left on device")
        save(self, path, *more)

    monkeypatch.setattr(pl.Trainer, "save_checkpoint", full)
    with pytest.raises(OSError, match="No space left"):
        fit(job)
    newest = job.checkpoints.latest()
    assert newest is not None
    assert newest.name == "step-00000002"
    fit(job)
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} >= {"step-00000004", "step-00000006"}
    assert [path for path in (tmp_path / "checkpoints").rglob(".*")] == []


def test_the_best_checkpoint_is_kept_and_can_be_the_one_that_is_exported(tmp_path: Path) -> None:
    from ain.trainer.checkpoints import Checkpoints

    held = Checkpoints(tmp_path, keep_last=1)

    class Trainer:
        is_global_zero = True
        global_step = 0
        strategy = type("Strategy", (), {"barrier": staticmethod(lambda: None)})

        def save_checkpoint(self, path: Path) -> None:
            path.write_bytes(b"x")

    trainer: Any = Trainer()
    for step, loss in ((1, 3.0), (2, 1.0), (3, 2.0)):
        trainer.global_step = step
        held.save(trainer, {"validation/loss": loss}, torch.zeros(1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000003"]
    best, latest = held.best(), held.latest()
    assert best is not None
    assert latest is not None
    assert (held.step(best), held.step(latest)) == (2, 3)


def test_a_loss_that_is_no_number_ends_the_run_and_names_the_records(pack: Path, base: str, tmp_path: Path) -> None:
    job = mixed.work(pack, base, tmp_path, learning_rate=1e20)
    with pytest.raises(UserError, match=r"the loss is (nan|inf) at step \d, in a batch of the records \d+, "):
        fit(job)


def test_freezing_and_adapters(pack: Path, base: str, tmp_path: Path) -> None:
    """What is frozen stays as it was; adapters are merged into weights of the base's own shape."""
    from safetensors.torch import load_file

    before = load_file(Path(base) / "model.safetensors")

    def moved(name: str, **model: Any) -> set[str]:
        job = mixed.work(pack, base, tmp_path / name, max_steps=1, show=0, model=model)
        mixed.run(job)
        after = load_file(job.out / "checkpoint" / "model.safetensors")
        assert {key: value.shape for key, value in after.items()} == {key: value.shape for key, value in before.items()}
        return {key for key in before if not torch.equal(before[key], after[key])}

    assert not [key for key in moved("language", freeze_vision=True, freeze_merger=True) if "visual" in key]
    assert {"merger" in key for key in moved("merger", freeze_vision=True, freeze_language=True)} == {True}
    pytest.importorskip("peft", reason="peft is not installed")
    lora = {"rank": 4, "alpha": 8, "dropout": 0.0, "target_modules": ["q_proj", "v_proj"]}
    assert {key.split(".")[-2] for key in moved("lora", lora=lora)} == {"q_proj", "v_proj"}


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_an_export_in_bfloat16(precision: str, pack: Path, base: str, tmp_path: Path) -> None:
    """As real models are exported; and the arithmetic that a GPU trains with, clipping included."""
    job = mixed.work(pack, base, tmp_path, precision=precision, max_steps=2, show=0)
    job.model.export_dtype = "bfloat16"
    mixed.run(job)
    assert job.model.reload(tmp_path / "checkpoint").dtype == torch.bfloat16


def test_adapters_on_two_ranks(pack: Path, base: str, tmp_path: Path) -> None:
    pytest.importorskip("deepspeed", reason="DeepSpeed is not installed")
    pytest.importorskip("peft", reason="peft is not installed")
    lora = {"rank": 4, "alpha": 8, "dropout": 0.0, "target_modules": ["q_proj"]}
    mixed.run(mixed.work(pack, base, tmp_path, strategy="zero3", devices=2, max_steps=2, show=0, model={"lora": lora}))
    assert len(losses(tmp_path)) == 2


def test_a_gradient_that_is_no_number_leaves_no_checkpoint(
    pack: Path, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = mixed.work(pack, base, tmp_path, checkpoint_every=1)
    clip, count = torch.nn.utils.clip_grad_norm_, [0]

    def broken(*arguments: Any) -> torch.Tensor:
        count[0] += 1
        return torch.tensor(float("nan")) if count[0] == 3 else clip(*arguments)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", broken)
    with pytest.raises(UserError, match=r"the gradient's norm is nan at step 3, in a batch of the records \d+"):
        fit(job)
    newest = job.checkpoints.latest()
    assert newest is not None
    assert newest.name == "step-00000002"


def test_gradient_checkpointing_changes_no_loss(pack: Path, base: str, alone: Fit, tmp_path: Path) -> None:
    job = mixed.work(pack, base, tmp_path, accumulate=2, model={"gradient_checkpointing": True})
    fit(job)
    assert losses(tmp_path) == pytest.approx(losses(alone.out), rel=1e-5)


def fails(number: int) -> None:
    """The second rank meets a mistake of a person; the first would wait for it for ever."""
    import os
    import time

    if os.environ["RANK"] == "1":
        if number == 0:
            raise UserError("say it better")
        raise ValueError("a bug")
    time.sleep(600)


def test_one_failed_rank_ends_the_job_with_its_own_error() -> None:
    with pytest.raises(UserError, match=r"^say it better$"):
        run(fails, 0, 2, 1)
    with pytest.raises(RuntimeError, match=r"(?s)rank 1 failed.*ValueError: a bug"):
        run(fails, 1, 2, 1)


def test_steps_alone_can_be_planned() -> None:
    cfg = config("model=qwen2_vl_2b", "trainer.max_steps=100", "trainer.max_epochs=null")
    load = Load(samples=1_000, tokens=300_000, answer_tokens=60_000, visual_tokens=150_000)
    said = list(lines(build("model", plain(cfg, "model")), build("trainer", plain(cfg, "trainer")), load))
    assert any("; 100 steps of " in line for line in said)


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ("trainer.how.show=-1", "trainer.show=-1: expected a whole number from 0 on"),
        ("trainer.devices=0", "trainer.devices=0: expected a whole number from 1 on"),
        ("trainer.accumulate=a", "trainer.accumulate=a: expected"),
        ("trainer.how.keep_last=0", "trainer.keep_last=0: expected"),
        ("trainer.max_epochs=null", "give trainer.max_epochs or trainer.max_steps"),
        ("trainer.strategy=zero4", "trainer.strategy=zero4: choose one of ddp, zero1, zero2, zero3"),
        ("trainer.precision=fp16", "trainer.precision=fp16: choose one of auto, 32-true, bf16-mixed"),
        ("trainer.export=first", "trainer.export=first: choose one of last, best"),
        ("trainer.offload_parameters=true", "trainer.offload_parameters=true goes with ZeRO-3 or higher"),
    ],
)
def test_slips_are_said_before_any_work(slip: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        Run(tmp_path).plan([STAGES["train"]], config(slip))


def test_more_nodes_are_started_from_outside() -> None:
    with pytest.raises(UserError, match="start the ranks with srun or torchrun"):
        run(fails, 0, 8, 8)


def test_a_sweep_over_ranks(pico: Path, tmp_path: Path) -> None:
    """Each job starts its own two ranks; both come to their ends."""
    pytest.importorskip("deepspeed", reason="DeepSpeed is not installed")
    shutil.copytree(pico, tmp_path / "outputs", copy_function=shutil.copy)
    words = ["train", "-m", *PICO, "model.freeze_vision=true,false", "trainer=zero2", "trainer.devices=2"]
    result = ain(*words, "trainer.row_tokens=2048", "trainer.max_steps=2", f"output_dir={tmp_path / 'outputs'}")
    assert result.returncode == 0, result.stderr[-3000:]
    made = sorted((tmp_path / "outputs" / "data").glob("*-train-*/checkpoint/model.safetensors"))
    assert len(made) == 3
    assert len({path.read_bytes() for path in made}) == 3


def test_ranks_from_slurm(pico: Path, tmp_path: Path) -> None:
    """As srun starts them: every task the same command, numbered by the environment; the first one writes."""
    shutil.copytree(pico, tmp_path / "outputs", copy_function=shutil.copy)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["train", *PICO, "trainer.devices=2", "trainer.max_steps=2", f"output_dir={tmp_path / 'outputs'}"]
    command = [sys.executable, "-m", "ain", *words]

    def task(number: int) -> subprocess.Popen[str]:
        slurm = {
            "SLURM_STEP_NUM_TASKS": "2",
            "SLURM_PROCID": str(number),
            "SLURM_LOCALID": str(number),
            "SLURM_JOB_ID": "7",
        }
        env = {**os.environ, **slurm, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)

    tasks = [task(number) for number in range(2)]
    said = [one.communicate(timeout=150) for one in tasks]
    assert [one.returncode for one in tasks] == [0, 0], said
    assert said[1][0] == ""
    made = Path(said[0][0].strip())
    assert (made / "checkpoint" / "model.safetensors").exists()
    assert (made / "manifest.json").exists()
    other = ain(*words, "seed=1", env={"RANK": "0", "WORLD_SIZE": "2"})
    assert other.returncode == 1
    assert "mix is not done" in other.stderr


def test_a_dry_run_says_what_it_takes() -> None:
    result = ain("train", "ain/recipe", "dry_run=true")
    assert result.returncode == 0
    assert "8,291.4M parameters" in result.stderr
    assert "28,125 steps of 128 samples" in result.stderr
    table = {
        line.split()[1]: line for line in result.stderr.splitlines() if line.startswith("ain:") and " zero" in line
    }
    assert table["zero3"].endswith("<- chosen")


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        (["model=qwen2_vl_7b"], "say trainer.strategy=zero3 trainer.offload_optimizer=true"),
        (["model=qwen2_vl_7b", "trainer.devices=8"], "say trainer.strategy=zero1"),
        (
            ["model=qwen2_vl_2b", "model.gradient_checkpointing=false", "trainer.row_tokens=8192"],
            "say model.gradient_checkpointing=true",
        ),
        (["model=qwen2_vl_2b", "trainer=zero3"], None),
    ],
)
def test_what_does_not_fit_is_said_with_what_to_type(changes: list[str], advice: str | None) -> None:
    cfg = config(*changes)
    said = list(lines(build("model", plain(cfg, "model")), build("trainer", plain(cfg, "trainer")), None))
    unfit = [line for line in said if "it will not fit" in line]
    assert [line.split("; ")[1] for line in unfit] == ([advice] if advice else [])
