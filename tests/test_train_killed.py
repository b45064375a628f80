"""Training after a kill, a torn file or a full disk ends with the same weights as an undisturbed one."""

import os
import random
import resource
import shutil
import signal
from pathlib import Path
from typing import Any

import mixed
import pytest
import torch
from commands import Command, ain
from conftest import PICO
from trainings import base, impatient, tokenized  # noqa: F401

from ain import UserError
from ain.pipeline.errors import sentence
from ain.storage.damage import Damaged
from ain.trainer.checkpoints import Checkpoints
from ain.trainer.fit import fit
from ain.trainer.history import History
from ain.trainer.training import Training


def test_killed_between_checkpoints_it_comes_to_the_same_weights(tokenized: Path, base: str, tmp_path: Path) -> None:
    """This includes batches prefetched in worker processes and random numbers (dropout) in each step."""
    pytest.importorskip("peft", reason="peft is not installed")
    model = {"lora": {"rank": 4, "alpha": 8, "dropout": 0.2, "target_modules": ["q_proj"]}}
    killed, once = (
        mixed.training(
            tokenized,
            base,
            tmp_path / name,
            accumulate_grad_batches=2,
            num_workers=2,
            every_n_train_steps=2,
            sample_answers=1,
            model=model,
        )
        for name in ("killed", "once")
    )
    assert mixed.elsewhere(killed, die_at_step=5) == -signal.SIGKILL
    assert len(mixed.losses(killed.out)) == 5
    assert mixed.elsewhere(killed) == 0
    assert mixed.elsewhere(once) == 0
    assert mixed.losses(killed.out) == mixed.losses(once.out)
    assert mixed.exported(killed.out) == mixed.exported(once.out)


def test_killed_around_every_write_it_comes_to_the_same_weights(tokenized: Path, base: str, tmp_path: Path) -> None:
    """Kills come around checkpoints, the table of answers and the export: before odd writes, after even ones."""
    killed, once = (
        mixed.training(tokenized, base, tmp_path / name, max_steps=4, every_n_train_steps=2, sample_answers=1)
        for name in ("killed", "once")
    )
    for write in (3, 4, 5, 6, 5, 6, 3):
        assert mixed.elsewhere(killed, die_at_write=write) == -signal.SIGKILL
    assert mixed.elsewhere(killed) == 0
    assert mixed.elsewhere(once) == 0
    assert mixed.losses(killed.out) == mixed.losses(once.out)
    assert mixed.exported(killed.out) == mixed.exported(once.out)
    assert [path for path in killed.out.rglob(".*") if path.is_dir()] == []


def test_an_export_that_differs_too_much_loses_no_training(pico: Path, tmp_path: Path) -> None:
    """Training in bfloat16 differs from the export's float32 by more than the tolerance; a larger one accepts that."""
    outputs = tmp_path / "outputs"
    shutil.copytree(pico, outputs, copy_function=shutil.copy)
    words = ["train", *PICO, "trainer.precision=bf16-mixed", "trainer.max_steps=2", f"output_dir={outputs}"]
    before = set(outputs.glob("data/*-train-*"))
    failed = ain(*words, "trainer.how.export_tolerance=1e-6")
    assert failed.returncode == 1
    (out,) = set(outputs.glob("data/*-train-*")) - before
    assert "Traceback" not in failed.stderr
    said = failed.stderr.splitlines()[-1]
    assert "the merged weights give logits that differ from those in training by 0.0" in said
    state, export = out / "checkpoints" / "step-00000002", out / "checkpoint.unverified"
    assert f"stay in {state} and {export}" in said
    assert (state / "state").exists()
    assert (export / "model.safetensors").exists()
    trained = {path: (path.stat().st_ino, path.read_bytes()) for path in out.glob("[hv]*.jsonl")}
    larger = said.split("add ")[1].split(" to the same command")[0]
    finished = ain(*words, larger)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip() == str(out)
    assert (out / "checkpoint" / "model.safetensors").exists()
    assert not export.exists()
    assert {path: (path.stat().st_ino, path.read_bytes()) for path in out.glob("[hv]*.jsonl")} == trained
    assert len(mixed.losses(out)) == 2


@pytest.mark.slow
def test_ten_kills_of_two_ranks(pico: Path, tmp_path: Path) -> None:
    """The command and its ranks are killed at random moments; the final weights are those of an undisturbed run."""
    outs = []
    for name, kills in (("killed", 10), ("once", 0)):
        outs.append(tmp_path / name)
        shutil.copytree(pico, outs[-1], copy_function=shutil.copy)
        words = [
            "train",
            *PICO,
            "trainer=zero2",
            "trainer.devices=2",
            "trainer.pack_length=512",
            "trainer.max_steps=60",
        ]
        command = [*words, "trainer.every_n_train_steps=3", f"output_dir={outs[-1]}"]
        signal.alarm(0)
        for _ in range(kills):
            Command(*command).kill_after(random.uniform(10, 20))
        result = ain(*command)
        assert result.returncode == 0, result.stderr[-3000:]
    newest = [max(out.glob("data/*-train-*"), key=os.path.getmtime) for out in outs]
    assert mixed.losses(newest[0]) == pytest.approx(mixed.losses(newest[1]), rel=1e-5)
    assert mixed.exported(newest[0]) == mixed.exported(newest[1])


def test_a_damaged_checkpoint_is_passed_over(tokenized: Path, base: str, tmp_path: Path) -> None:
    """One that was cut short, then one with four other bytes. Neither is exported."""
    job = mixed.training(tokenized, base, tmp_path, every_n_train_steps=2)
    fit(job)
    whole, rows = exported_after(job), mixed.losses(tmp_path)
    newest = job.checkpoints.latest()
    assert newest is not None
    (newest / "state").write_bytes((newest / "state").read_bytes()[:1000])
    before = job.checkpoints.latest()
    assert before is not None
    assert before.name == "step-00000004"
    fit(job)
    assert exported_after(job) == whole
    assert mixed.losses(tmp_path) == rows
    state = newest / "state"
    changed = bytearray(state.read_bytes())
    changed[len(changed) // 2 : len(changed) // 2 + 4] = b"\x3f\x80\x3f\x80"
    state.write_bytes(changed)
    with pytest.raises(Damaged, match=f"{state}: damaged .its content has changed.; delete {newest} and run"):
        job.checkpoints.compare(newest)
    assert job.checkpoints.intact() == before
    fit(job)
    assert exported_after(job) == whole


def exported_after(job: Training) -> dict[str, bytes]:
    from ain.trainer.export import weights

    newest = job.checkpoints.latest()
    assert newest is not None
    return {name: tensor.numpy().tobytes() for name, tensor in weights(newest / "state").items()}


def test_a_full_disk_leaves_the_last_checkpoint(
    tokenized: Path, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on file size simulates the full disk."""
    job = mixed.training(tokenized, base, tmp_path, every_n_train_steps=2)
    save, count = Checkpoints.save, [0]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def full(*arguments: Any) -> None:
        count[0] += 1
        if count[0] == 2:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
        try:
            save(*arguments)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    monkeypatch.setattr(Checkpoints, "save", full)
    with pytest.raises(Exception, match=r"(?i)too large|inline_container") as caught:
        fit(job)
    assert "no space left on the disk" in (sentence(caught.value) or "")
    newest = job.checkpoints.latest()
    assert newest is not None
    assert newest.name == "step-00000002"
    fit(job)
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} >= {"step-00000004", "step-00000006"}
    assert [path for path in (tmp_path / "checkpoints").rglob(".*")] == []


def test_the_best_checkpoint_is_kept_and_can_be_the_one_that_is_exported(tmp_path: Path) -> None:
    held = Checkpoints(tmp_path / "14-train-abc" / "checkpoints", keep_last=1)

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
    assert sorted(path.name for path in held.directory.iterdir()) == ["step-00000002", "step-00000003"]
    best, latest = held.best(), held.latest()
    assert best is not None
    assert latest is not None
    assert (held.step(best), held.step(latest)) == (2, 3)
    held.refuse_others(best)
    other = Checkpoints(tmp_path / "14-train-def" / "checkpoints", keep_last=1)
    shutil.copytree(best, other.directory / best.name)
    with pytest.raises(UserError, match="step-00000002: this training did not write it"):
        other.refuse_others(other.directory / best.name)


def test_control_c_is_one(tokenized: Path, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning would exit without an error message, and ignore the next Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(History, "add", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        fit(mixed.training(tokenized, base, tmp_path))
    assert signal.signal(signal.SIGINT, before) == signal.default_int_handler
