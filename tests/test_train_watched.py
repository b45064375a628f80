"""Monitoring of training: a broken batch is named, and no broken checkpoint is left."""

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
    counts = train(job.samples, job.model, job.objective, job.settings, job.seed, job.out)
    assert (counts["validation"], counts["validation_samples"]) == (mixed.HELD_OUT, 4)
    assert f"each validation reads 4 of {mixed.HELD_OUT} held-out samples" in capfd.readouterr().err
    assert f"on 4 of {mixed.HELD_OUT} held-out samples" in said(counts)


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
