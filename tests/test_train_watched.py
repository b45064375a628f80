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
from ain.trainer.fit import fit
from ain.trainer.plan import Plan


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
