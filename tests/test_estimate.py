"""Before a long run: slips of the hand, what it would take, and what to change where it does not fit."""

import re
from pathlib import Path

import pytest
from conftest import ain
from test_config import config

from ain import UserError
from ain.model.size import Load
from ain.pipeline.build import build, plain
from ain.pipeline.runner import Run
from ain.pipeline.stages import STAGES
from ain.trainer.estimate import lines
from ain.trainer.settings import TrainerSettings, resolved


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ("trainer.how.sample_answers=-1", "trainer.sample_answers=-1: expected a whole number from 0 on"),
        ("trainer.devices=0", "trainer.devices=0: expected a whole number from 1 on"),
        ("trainer.accumulate_grad_batches=a", "trainer.accumulate_grad_batches=a: expected"),
        ("trainer.how.keep_last=0", "trainer.keep_last=0: expected"),
        ("trainer.max_epochs=null", "give trainer.max_epochs or trainer.max_steps"),
        ("trainer.strategy=zero4", "trainer.strategy=zero4: choose one of ddp, zero1, zero2, zero3"),
        ("trainer.precision=fp16", "trainer.precision=fp16: choose one of auto, 32-true, bf16-mixed"),
        ("trainer.clip=-1", "trainer.clip=-1: expected a number from 0 on"),
        ("trainer.how.utilisation=0", "trainer.utilisation=0: expected a share"),
        ("model.export_dtype=bf16", "model.export_dtype=bf16: choose one of float32, bfloat16"),
        ("trainer.export=first", "trainer.export=first: choose one of last, best"),
        ("trainer.offload_parameters=true", "trainer.offload_parameters=true goes with ZeRO-3 or higher"),
    ],
)
def test_slips_are_said_before_any_work(slip: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        Run(tmp_path).plan([STAGES["train"]], config(slip))


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (["trainer.num_nodes=8"], "trainer.num_nodes=8: start the ranks with srun or torchrun"),
        (["trainer=gpu", "trainer.devices=999"], "trainer.devices=999, but"),
        (["model.attention=flash_attention_2"], "model.attention=flash_attention_2: it needs a GPU"),
    ],
)
def test_what_is_not_here_is_said_before_any_work_but_can_be_planned(
    wish: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        Run(tmp_path).plan([STAGES["train"]], config(*wish))
    Run(tmp_path).plan([STAGES["train"]], config(*wish, "dry_run=true"))


def test_a_dry_run_says_what_it_takes() -> None:
    result = ain("train", "ain/recipe", "dry_run=true")
    assert result.returncode == 0
    assert "8,291.4M parameters" in result.stderr
    assert "28,125 steps of 128 samples" in result.stderr
    table = {
        line.split()[1]: line for line in result.stderr.splitlines() if line.startswith("ain:") and " zero" in line
    }
    assert table["zero3"].endswith("<- chosen")


def test_steps_alone_can_be_planned() -> None:
    cfg = config("model=qwen2_vl_2b", "trainer.max_steps=100", "trainer.max_epochs=null")
    load = Load(samples=1_000, tokens=300_000, answer_tokens=60_000, visual_tokens=150_000)
    said = list(lines(build("model", plain(cfg, "model")), build("trainer", plain(cfg, "trainer")), load))
    assert any("; 100 steps of " in line for line in said)


def test_a_strategy_can_be_planned_without_its_package_and_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ain.trainer.settings.find_spec", lambda name: None)
    settings = TrainerSettings(strategy="zero3")
    with pytest.raises(UserError, match="DeepSpeed is not installed; pip install"):
        resolved(settings)


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        (["model=qwen2_vl_7b"], "set trainer.strategy=zero3 trainer.offload_optimizer=true"),
        (["model=qwen2_vl_7b", "trainer.devices=8"], "set trainer.strategy=zero1"),
        (
            ["model=qwen2_vl_2b", "model.gradient_checkpointing=false", "trainer.pack_length=8192"],
            "set model.gradient_checkpointing=true",
        ),
        (["model=qwen2_vl_2b", "trainer=zero3"], None),
        (
            ["model=qwen2_vl_7b", "model.gradient_checkpointing=false"],
            "set trainer.strategy=zero3 trainer.offload_optimizer=true",
        ),
    ],
)
def test_what_does_not_fit_is_said_with_what_to_type(changes: list[str], advice: str | None) -> None:
    cfg = config(*changes)
    said = list(lines(build("model", plain(cfg, "model")), build("trainer", plain(cfg, "trainer")), None))
    unfit = [line for line in said if "it will not fit" in line]
    assert [line.split("; ")[1] for line in unfit] == ([advice] if advice else [])
