"""Training: two ranks give the same result as one, and the export is the trained model."""

import json
import shutil
from pathlib import Path
from typing import Any

import mixed
import pytest
import torch
from trainings import SPREAD, base, impatient, tokenized  # noqa: F401

from ain import UserError
from ain.stages.train import as_begun
from ain.trainer.export import answer_logits
from ain.trainer.fit import fit
from ain.trainer.history import read
from ain.trainer.settings import TrainerSettings
from ain.trainer.training import Training


@pytest.fixture(scope="module")
def alone(base: str, tokenized: Path, tmp_path_factory: pytest.TempPathFactory) -> Training:
    """Return a training in one process that accumulates two rows per step."""
    job = mixed.training(tokenized, base, tmp_path_factory.mktemp("alone"), accumulate_grad_batches=2)
    mixed.run(job)
    return job


@pytest.mark.parametrize(("strategy", "accumulate"), [pytest.param("zero2", 2, marks=pytest.mark.slow), ("zero3", 1)])
def test_two_ranks_follow_one(strategy: str, accumulate: int, tokenized: Path, base: str, tmp_path: Path) -> None:
    """Both ranks have rows with images, with videos and with text only; neither must wait for the other forever."""
    pytest.importorskip("deepspeed", reason="DeepSpeed is not installed")
    sharded = strategy == "zero3"
    short: dict[str, Any] = {"max_steps": 4, "every_n_train_steps": 2, "sample_answers": int(sharded)}
    alone = mixed.training(tokenized, base, tmp_path / "alone", accumulate_grad_batches=2 * accumulate, **short)
    mixed.run(alone)
    # By default DeepSpeed keeps parameters below 100,000 values, nearly all here, whole. All must be sharded and gathered.
    ranks: dict[str, Any] = {"devices": 2, "zero": dict.fromkeys(SPREAD, 0) if sharded else {}}
    model = {"gradient_checkpointing": sharded}
    changes = {"strategy": strategy, "accumulate_grad_batches": accumulate, "model": model, **ranks, **short}
    shared = mixed.training(tokenized, base, tmp_path / "shared", **changes)
    mixed.run(shared)
    assert mixed.losses(shared.out) == pytest.approx(mixed.losses(alone.out), rel=1e-4)
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
    """Check that without its last checkpoint it resumes from the one before and ends the same."""
    whole, rows = mixed.exported(job.out), mixed.losses(job.out)
    newest = job.checkpoints.latest()
    assert newest is not None
    shutil.rmtree(newest)
    mixed.run(job)
    assert mixed.exported(job.out) == whole
    assert mixed.losses(job.out) == rows


def test_adapters_on_two_ranks(tokenized: Path, base: str, tmp_path: Path) -> None:
    """Optimizer and parameters are offloaded to the host, which on a CPU is where they are anyway."""
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
    assert len(mixed.losses(tmp_path)) == 2


def test_freezing_and_adapters(tokenized: Path, base: str, tmp_path: Path) -> None:
    """Frozen weights do not change; adapters are merged into weights of the base's shape."""
    from safetensors.torch import load_file

    before = load_file(Path(base) / "model.safetensors")

    def moved(name: str, **model: Any) -> set[str]:
        job = mixed.training(tokenized, base, tmp_path / name, max_steps=1, sample_answers=0, model=model)
        mixed.run(job)
        after = load_file(job.out / "checkpoint" / "model.safetensors")
        assert {key: value.shape for key, value in after.items()} == {key: value.shape for key, value in before.items()}
        return {key for key in before if not torch.equal(before[key], after[key])}

    assert not [key for key in moved("language", freeze_vision=True, freeze_projector=True) if "visual" in key]
    assert {"merger" in key for key in moved("projector", freeze_vision=True, freeze_language=True)} == {True}
    pytest.importorskip("peft", reason="peft is not installed")
    lora = {"rank": 4, "alpha": 8, "dropout": 0.0, "target_modules": ["q_proj", "v_proj"]}
    assert {key.split(".")[-2] for key in moved("lora", lora=lora)} == {"q_proj", "v_proj"}


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_an_export_in_bfloat16(precision: str, tokenized: Path, base: str, tmp_path: Path) -> None:
    """Real models are exported like this. Also covers training in bf16 as on a GPU, with clipping; generation settings stay."""
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
    """The lineage starts at the source: readers of the card have only this directory."""
    (checkpoint,) = pico.glob("data/*-train-*/checkpoint")
    held = json.loads((checkpoint / "data_manifest.json").read_text(encoding="utf-8"))
    assert {name.split("-")[1] for name in held} >= {"collect", "translate", "select", "mix", "tokenize"}
    (collect,) = [manifest for name, manifest in held.items() if "-collect-" in name]
    assert collect["settings"]["source"]["scenes"] == 12


def test_a_training_does_not_change_its_arithmetic_half_way(tmp_path: Path) -> None:
    for _ in range(2):
        as_begun(TrainerSettings(precision="bf16-mixed"), tmp_path)
    with pytest.raises(UserError, match=r"began with trainer.accelerator=cpu trainer.precision=bf16-mixed, and here"):
        as_begun(TrainerSettings(precision="32-true"), tmp_path)


def test_gradient_checkpointing_changes_no_loss(tokenized: Path, base: str, alone: Training, tmp_path: Path) -> None:
    job = mixed.training(tokenized, base, tmp_path, accumulate_grad_batches=2, model={"gradient_checkpointing": True})
    fit(job)
    assert mixed.losses(tmp_path) == pytest.approx(mixed.losses(alone.out), rel=1e-5)
