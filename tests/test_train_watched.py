"""Monitoring of training: a broken batch is named, and W&B receives what was logged."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import mixed
import pytest
import torch
from trainings import base, impatient, tokenized  # noqa: F401

from ain import UserError
from ain.model.samples import Samples
from ain.stages.train import said, train
from ain.tracking.tracker import Tracker
from ain.trainer.fit import fit
from ain.trainer.plan import Plan
from ain.trainer.training import Training
from ain.trainer.validation import Validation


def test_a_non_finite_loss_ends_the_run_and_names_the_records(tokenized: Path, base: str, tmp_path: Path) -> None:
    job = mixed.training(tokenized, base, tmp_path, learning_rate=1e20)
    with pytest.raises(UserError, match=r"non-finite loss \((nan|inf)\) at step \d, in a batch of the records \d+, "):
        fit(job)


def test_of_two_ranks_the_one_with_the_broken_batch_is_named(tokenized: Path, base: str, tmp_path: Path) -> None:
    job = replace(mixed.training(tokenized, base, tmp_path, devices=2), objective=mixed.BrokenOnTheSecondRank())
    samples = Samples(tokenized, "train")
    row = Plan(samples.lengths, samples.answers, job.settings, job.seed, 2).row(0, rank=1)
    ids = ", ".join([samples.row(index)["id"] for index in row.samples][:10])
    with pytest.raises(UserError, match=rf"non-finite loss \(nan\) at step 1, in a batch of the records {ids}\b"):
        mixed.run(job)


def test_a_validation_reads_the_same_few_samples_whatever_the_ranks(
    tokenized: Path, base: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    def read(job: Training, world: int) -> list[str]:
        shares = [
            Validation(job.validation(), job.model.processor, job.settings, world, rank).rows for rank in range(world)
        ]
        batches = [rows[number] for rows in shares for number in range(len(rows))]
        return sorted(record["id"] for batch in batches for record in batch["records"])

    job = mixed.training(tokenized, base, tmp_path, validation_samples=4, max_steps=1, sample_answers=0)
    assert len(set(read(job, 1))) == 4
    assert read(job, 1) == read(job, 1) == read(job, 2) == read(job, 3)
    assert {tuple(read(replace(job, seed=seed), 1)) for seed in range(5)} != {tuple(read(job, 1))}
    every = replace(job, settings=replace(job.settings, validation_samples=None))
    assert len(read(every, 2)) == mixed.HELD_OUT
    counts = train(job.samples, job.model, job.objective, job.settings, job.tracker, job.seed, job.out)
    assert (counts["validation"], counts["validation_samples"]) == (mixed.HELD_OUT, 4)
    assert f"each validation reads 4 of {mixed.HELD_OUT} held-out samples" in capfd.readouterr().err
    assert f"on 4 of {mixed.HELD_OUT} held-out samples" in said(counts)


def told(out: Path) -> list[dict[str, Any]]:
    """Return what W&B received, read from the file of its only run: its settings, then step by step."""
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
    """Yield records of LevelDB's log: blocks of 32 KiB with pieces of checksum, length and kind (1: whole, 4: last)."""
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
    offline = Tracker("offline")
    job = replace(
        mixed.training(tokenized, base, tmp_path, devices=2, max_steps=2, every_n_train_steps=2), tracker=offline
    )
    mixed.run(job)
    rows = told(tmp_path)
    (settings,) = [row for row in rows if "objective" in row]
    assert (settings["objective"]["learning_rate"], settings["trainer"]["devices"]) == (1e-3, 2)
    assert [row["train/loss"] for row in rows if "train/loss" in row] == mixed.losses(tmp_path)
    (validation,) = [row for row in rows if "validation/loss" in row]
    assert {"validation/loss_ar", "validation/loss_en"} <= set(validation)
    assert [row["train/answers.nrows"] for row in rows if "train/answers.nrows" in row] == [3]


def test_a_non_finite_gradient_leaves_no_checkpoint(
    tokenized: Path, base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = mixed.training(tokenized, base, tmp_path, every_n_train_steps=1)
    clip, count = torch.nn.utils.clip_grad_norm_, [0]

    def broken(*arguments: Any) -> torch.Tensor:
        count[0] += 1
        return torch.tensor(float("nan")) if count[0] == 3 else clip(*arguments)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", broken)
    with pytest.raises(UserError, match=r"non-finite gradient norm \(nan\) at step 3, in a batch of the records \d+"):
        fit(job)
    newest = job.checkpoints.latest()
    assert newest is not None
    assert newest.name == "step-00000002"
