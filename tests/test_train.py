"""Training: on two ranks as on one, killed and taken up again as undisturbed, and what is exported is what was trained."""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mixed
import pytest
import torch
from conftest import PICO

from ain import UserError
from ain.model.samples import Samples
from ain.pipeline.errors import sentence
from ain.stages.train import as_begun
from ain.trainer.checkpoints import Checkpoints
from ain.trainer.export import answer_logits
from ain.trainer.fit import fit
from ain.trainer.history import History, read
from ain.trainer.plan import Plan
from ain.trainer.settings import TrainerSettings
from ain.trainer.training import Training


@pytest.fixture(scope="module")
def base(pico: Path) -> str:
    return str(next((pico / "checkpoints").glob("miniature-base-*")))


@pytest.fixture(scope="module")
def tokenized(base: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return mixed.prepared(base, tmp_path_factory.mktemp("mixed"))


@pytest.fixture(scope="module")
def alone(base: str, tokenized: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """One process that accumulates two rows a step."""
    job = mixed.training(tokenized, base, tmp_path_factory.mktemp("alone"), accumulate_grad_batches=2)
    mixed.run(job)
    return job


def losses(out: Path) -> list[float]:
    return [row["loss"] for row in read(out / "history.jsonl")]


def exported(out: Path) -> bytes:
    return (out / "checkpoint" / "model.safetensors").read_bytes()


SHARED_OUT = (
    "stage3_param_persistence_threshold",
    "stage3_max_live_parameters",
    "stage3_max_reuse_distance",
    "stage3_prefetch_bucket_size",
)


@pytest.fixture(autouse=True)
def _impatient() -> Iterator[None]:
    """Ranks that wait for one another wait for ever."""
    before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it hangs"))
    signal.alarm(150)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(("strategy", "accumulate"), [("zero2", 2), ("zero3", 1)])
def test_two_ranks_follow_one(strategy: str, accumulate: int, tokenized: Path, base: str, tmp_path: Path) -> None:
    """Rows with images, with videos and with text alone on both ranks; none waits for the other for ever."""
    pytest.importorskip("deepspeed", reason="DeepSpeed is not installed")
    sharded = strategy == "zero3"
    short: dict[str, Any] = {"max_steps": 4, "every_n_train_steps": 2, "sample_answers": int(sharded)}
    alone = mixed.training(tokenized, base, tmp_path / "alone", accumulate_grad_batches=2 * accumulate, **short)
    mixed.run(alone)
    # DeepSpeed leaves parameters of 100,000 numbers whole, which here are nearly all: each is to be shared out and gathered.
    ranks: dict[str, Any] = {"devices": 2, "zero": dict.fromkeys(SHARED_OUT, 0) if sharded else {}}
    model = {"gradient_checkpointing": sharded}
    changes = {"strategy": strategy, "accumulate": accumulate, "model": model, **ranks, **short}
    shared = mixed.training(tokenized, base, tmp_path / "shared", **changes)
    mixed.run(shared)
    assert losses(shared.out) == pytest.approx(losses(alone.out), rel=1e-4)
    norms = [[row["gradient_norm"] for row in read(job.out / "history.jsonl")] for job in (shared, alone)]
    assert norms[0] == pytest.approx(norms[1], rel=1e-3)
    answers = [answer_logits(alone.model.reload(job.out / "checkpoint"), alone) for job in (shared, alone)]
    torch.testing.assert_close(*answers, atol=2e-3, rtol=2e-3)
    assert torch.equal(answers[0].argmax(-1), answers[1].argmax(-1))
    if sharded:
        tables = [(job.out / "tables" / "answers.csv").read_text(encoding="utf-8") for job in (shared, alone)]
        assert tables[0] == tables[1]
    _goes_on_from_shards(shared)


def _goes_on_from_shards(job: Training) -> None:
    """Without its last checkpoint it comes to the same end from the one before."""
    whole, rows = exported(job.out), losses(job.out)
    newest = job.checkpoints.latest()
    assert newest is not None
    shutil.rmtree(newest)
    mixed.run(job)
    assert exported(job.out) == whole
    assert losses(job.out) == rows


def test_killed_between_checkpoints_it_comes_to_the_same_weights(tokenized: Path, base: str, tmp_path: Path) -> None:
    """Also with batches that were made ahead, in other processes, and with random numbers (dropout) in each step."""
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
    assert len(losses(killed.out)) == 5
    assert mixed.elsewhere(killed) == 0
    assert mixed.elsewhere(once) == 0
    assert losses(killed.out) == losses(once.out)
    assert exported(killed.out) == exported(once.out)


def test_killed_around_every_write_it_comes_to_the_same_weights(tokenized: Path, base: str, tmp_path: Path) -> None:
    """The marks and names of checkpoints, the table of answers, the export: before an odd one, after an even one."""
    killed, once = (
        mixed.training(tokenized, base, tmp_path / name, max_steps=4, every_n_train_steps=2, sample_answers=1)
        for name in ("killed", "once")
    )
    for write in (3, 4, 5, 6, 5, 6, 3):
        assert mixed.elsewhere(killed, die_at_write=write) == -signal.SIGKILL
    assert mixed.elsewhere(killed) == 0
    assert mixed.elsewhere(once) == 0
    assert losses(killed.out) == losses(once.out)
    assert exported(killed.out) == exported(once.out)
    assert [path for path in killed.out.rglob(".*") if path.is_dir()] == []


@pytest.mark.slow
def test_ten_kills_of_two_ranks(pico: Path, tmp_path: Path) -> None:
    """The command is killed at random moments, ranks and all; in the end it has trained what an undisturbed one trains."""
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
        command = [sys.executable, "-m", "ain", *words, "trainer.every_n_train_steps=3", f"output_dir={outs[-1]}"]
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


def test_a_torn_checkpoint_is_passed_over(tokenized: Path, base: str, tmp_path: Path) -> None:
    job = mixed.training(tokenized, base, tmp_path, every_n_train_steps=2)
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


def exported_after(job: Training) -> dict[str, bytes]:
    from ain.trainer.export import weights

    newest = job.checkpoints.latest()
    assert newest is not None
    return {name: tensor.numpy().tobytes() for name, tensor in weights(newest / "state").items()}


def test_a_full_disk_leaves_the_last_checkpoint(
    tokenized: Path, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on the size of files stands for the disk."""
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


def test_a_loss_that_is_no_number_ends_the_run_and_names_the_records(
    tokenized: Path, base: str, tmp_path: Path
) -> None:
    job = mixed.training(tokenized, base, tmp_path, learning_rate=1e20)
    with pytest.raises(UserError, match=r"the loss is (nan|inf) at step \d, in a batch of the records \d+, "):
        fit(job)


def test_of_two_ranks_the_one_with_the_broken_batch_is_named(tokenized: Path, base: str, tmp_path: Path) -> None:
    job = replace(mixed.training(tokenized, base, tmp_path, devices=2), objective=mixed.BrokenOnTheSecondRank)
    samples = Samples(tokenized, "train")
    row = Plan(samples.lengths, samples.answers, job.settings, job.seed, 2).row(0, rank=1)
    ids = ", ".join([samples.row(index)["id"] for index in row.samples][:10])
    with pytest.raises(UserError, match=rf"the loss is nan at step 1, in a batch of the records {ids}\b"):
        mixed.run(job)


def test_control_c_is_one(tokenized: Path, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning would make an exit without a word of it, and ignore the next one."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(History, "add", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        fit(mixed.training(tokenized, base, tmp_path))
    assert signal.signal(signal.SIGINT, before) == signal.default_int_handler


def test_freezing_and_adapters(tokenized: Path, base: str, tmp_path: Path) -> None:
    """What is frozen stays as it was; adapters are merged into weights of the base's own shape."""
    from safetensors.torch import load_file

    before = load_file(Path(base) / "model.safetensors")

    def moved(name: str, **model: Any) -> set[str]:
        job = mixed.training(tokenized, base, tmp_path / name, max_steps=1, sample_answers=0, model=model)
        mixed.run(job)
        after = load_file(job.out / "checkpoint" / "model.safetensors")
        assert {key: value.shape for key, value in after.items()} == {key: value.shape for key, value in before.items()}
        return {key for key in before if not torch.equal(before[key], after[key])}

    assert not [key for key in moved("language", freeze_vision=True, freeze_projector=True) if "visual" in key]
    assert {"merger" in key for key in moved("merger", freeze_vision=True, freeze_language=True)} == {True}
    pytest.importorskip("peft", reason="peft is not installed")
    lora = {"rank": 4, "alpha": 8, "dropout": 0.0, "target_modules": ["q_proj", "v_proj"]}
    assert {key.split(".")[-2] for key in moved("lora", lora=lora)} == {"q_proj", "v_proj"}


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_an_export_in_bfloat16(precision: str, tokenized: Path, base: str, tmp_path: Path) -> None:
    """As real models are exported; and the arithmetic that a GPU trains with, clipping included. Settings of generation stay."""
    asked = '{"eos_token_id": [2, 5], "temperature": 0.01}'
    shutil.copytree(base, tmp_path / "base")
    (tmp_path / "base" / "generation_config.json").write_text(asked, encoding="utf-8")
    job = mixed.training(
        tokenized, str(tmp_path / "base"), tmp_path, precision=precision, max_steps=2, sample_answers=0
    )
    job.model.export_dtype = "bfloat16"
    mixed.run(job)
    assert job.model.reload(tmp_path / "checkpoint").dtype == torch.bfloat16
    assert (tmp_path / "checkpoint" / "generation_config.json").read_text(encoding="utf-8") == asked


def test_an_export_says_what_it_was_trained_on(pico: Path) -> None:
    """From the source on: all that the card's reader has is this directory."""
    (checkpoint,) = pico.glob("data/*-train-*/checkpoint")
    held = json.loads((checkpoint / "data_manifest.json").read_text(encoding="utf-8"))
    assert {name.split("-")[1] for name in held} >= {"collect", "translate", "select", "mix", "tokenize"}
    (collect,) = [manifest for name, manifest in held.items() if "-collect-" in name]
    assert collect["settings"]["source"]["scenes"] == 12


def test_a_training_does_not_change_its_arithmetic_half_way(tmp_path: Path) -> None:
    for _ in range(2):
        as_begun(TrainerSettings(precision="bf16-mixed"), tmp_path)
    with pytest.raises(UserError, match=r"begun with trainer.accelerator=cpu trainer.precision=bf16-mixed, and here"):
        as_begun(TrainerSettings(precision="32-true"), tmp_path)


def test_adapters_on_two_ranks(tokenized: Path, base: str, tmp_path: Path) -> None:
    """With optimizer and parameters kept on the host, which on a CPU is where they are anyway."""
    pytest.importorskip("deepspeed", reason="DeepSpeed is not installed")
    pytest.importorskip("peft", reason="peft is not installed")
    lora = {"rank": 4, "alpha": 8, "dropout": 0.0, "target_modules": ["q_proj"]}
    host = {"offload_optimizer": True, "offload_parameters": True}
    job = mixed.training(
        tokenized,
        base,
        tmp_path,
        strategy="zero3",
        devices=2,
        max_steps=2,
        sample_answers=0,
        model={"lora": lora},
        **host,
    )
    mixed.run(job)
    assert len(losses(tmp_path)) == 2


def told(out: Path) -> list[dict[str, Any]]:
    """What W&B was told, read from the file of its one run: its settings, then step by step."""
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = out.rglob("run-*.wandb")
    rows = []
    for data in logged(file.read_bytes()):
        record = Record()
        record.ParseFromString(data)
        items = [*record.run.config.update, *record.history.item]
        rows.append({item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items})
    return [row for row in rows if row]


def logged(data: bytes) -> Iterator[bytes]:
    """Records of LevelDB's log: in blocks of 32 KiB, pieces with a checksum, a length and a kind (1: whole, 4: last)."""
    at, record = 7, b""
    while at < len(data):
        if 32_768 - at % 32_768 < 7:
            at += 32_768 - at % 32_768
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        record += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield record
            record = b""


def test_wandb_follows_the_first_of_two_ranks(tokenized: Path, base: str, tmp_path: Path) -> None:
    offline = {"mode": "offline", "project": "ain"}
    job = replace(
        mixed.training(tokenized, base, tmp_path, devices=2, max_steps=2, every_n_train_steps=2), tracker=offline
    )
    mixed.run(job)
    rows = told(tmp_path)
    (settings,) = [row for row in rows if "objective" in row]
    assert (settings["objective"], settings["trainer"]["devices"]) == ({"learning_rate": 1e-3}, 2)
    assert [row["train/loss"] for row in rows if "train/loss" in row] == losses(tmp_path)
    (validation,) = [row for row in rows if "validation/loss" in row]
    assert {"validation/loss_arabic", "validation/loss_english"} <= set(validation)
    assert [row["train/answers.nrows"] for row in rows if "train/answers.nrows" in row] == [3]


def test_a_gradient_that_is_no_number_leaves_no_checkpoint(
    tokenized: Path, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = mixed.training(tokenized, base, tmp_path, every_n_train_steps=1)
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


def test_gradient_checkpointing_changes_no_loss(tokenized: Path, base: str, alone: Training, tmp_path: Path) -> None:
    job = mixed.training(tokenized, base, tmp_path, accumulate_grad_batches=2, model={"gradient_checkpointing": True})
    fit(job)
    assert losses(tmp_path) == pytest.approx(losses(alone.out), rel=1e-5)
