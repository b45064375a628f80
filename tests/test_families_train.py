"""Each family in the trainer, on two ZeRO-3 ranks whose rows hold images only, text only, or both."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import mixed
import pytest
from tiny_qwen import FAMILIES, checkpoint
from trainings import SPREAD, impatient  # noqa: F401

from ain.model.samples import Samples
from ain.storage.shards import Shards
from ain.trainer.history import read
from ain.trainer.plan import Plan


@pytest.mark.slow  # tests/test_train.py has such ranks of Qwen2-VL
@pytest.mark.parametrize("name", list(FAMILIES))
def test_two_zero3_ranks_with_all_kinds_of_rows(name: str, tmp_path: Path) -> None:
    pytest.importorskip("deepspeed", reason="DeepSpeed is not installed")
    base = checkpoint(name, tmp_path / "base")
    tokenized = mixed.prepared(base, tmp_path / "data", name)
    short: dict[str, Any] = {"name": name, "max_steps": 3, "every_n_train_steps": 3, "sample_answers": 1}
    short |= {"packing": False, "batch_size": 2, "learning_rate": 1e-4}
    alone = replace(mixed.training(tokenized, base, tmp_path / "alone", accumulate_grad_batches=2, **short), seed=6)
    mixed.run(alone)
    # By default DeepSpeed does not shard parameters below 100,000 values, which are nearly all here.
    zero = dict.fromkeys(SPREAD, 0)
    spread: dict[str, Any] = {"strategy": "zero3", "devices": 2, "zero": zero}
    shared = replace(mixed.training(tokenized, base, tmp_path / "shared", **spread, **short), seed=6)
    mixed.run(shared)

    samples = Samples(tokenized, "train")
    plan = Plan(samples.lengths, samples.answers, shared.settings, shared.seed, 2)
    rows = [plan.row(batch, rank).samples for batch in range(plan.batches) for rank in range(2)]
    seen = [{bool(samples.row(index)["media"]) for index in row} for row in rows]
    assert {frozenset(kinds) for kinds in seen} == {frozenset({True}), frozenset({False}), frozenset({True, False})}

    losses = [[row["loss"] for row in read(job.out / "history.jsonl")] for job in (shared, alone)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    assert len(losses[0]) == 3
    tables = [(job.out / "tables" / "answers.csv").read_text(encoding="utf-8") for job in (shared, alone)]
    assert tables[0] == tables[1]
    assert (shared.out / "checkpoint" / "model.safetensors").exists()
    (step,) = (shared.out / "checkpoints").iterdir()
    assert {path.name for path in Path(base).iterdir()} - {"model.safetensors"} <= {
        path.name for path in step.iterdir()
    }


def test_videos_without_a_frame_rate_are_rejected_where_time_counts(tmp_path: Path) -> None:
    base = checkpoint("qwen3_vl", tmp_path / "base")
    tokenized = mixed.prepared(base, tmp_path / "data", "qwen3_vl")
    rejected = list(Shards(tokenized, suffix="arrow").rows(part="rejected"))
    assert rejected
    assert {row["reasons"][0].split(";")[0] for row in rejected} == {
        "video: its frame rate is unknown, which Qwen3-VL's text needs"
    }
