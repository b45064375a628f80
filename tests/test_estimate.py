"""Checks before a long run: wrong values, the estimated cost, and what to change if it does not fit."""

import json
import re
from dataclasses import replace
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from typing import Any

import pytest
from commands import ain
from PIL import Image
from pydantic import TypeAdapter, ValidationError
from test_config import config

from ain import UserError
from ain.model.qwen2_vl import Qwen2VL, Qwen2VLProcessor
from ain.model.size import Load, flops
from ain.objective.sft import SupervisedFineTuning
from ain.pipeline.build import component
from ain.pipeline.graph import Graph
from ain.pipeline.plan import plan
from ain.pipeline.runner import Runner
from ain.pipeline.stages import STAGES
from ain.trainer.estimate import lines
from ain.trainer.hours import traffic
from ain.trainer.settings import TrainerSettings, resolved

LORA = {"rank": 4, "alpha": 8, "dropout": 0.1, "target_modules": ["q_proj"]}


@pytest.mark.parametrize(
    ("kind", "key", "values"),
    [
        (TrainerSettings, "devices", [0]),
        (TrainerSettings, "num_nodes", [0]),
        (TrainerSettings, "pack_length", [0, -1]),
        (TrainerSettings, "batch_size", [0]),
        (TrainerSettings, "accumulate_grad_batches", ["a", 0]),
        (TrainerSettings, "gradient_clip_val", [-1]),
        (TrainerSettings, "max_epochs", [0]),
        (TrainerSettings, "every_n_train_steps", [0]),
        (TrainerSettings, "keep_last", [0]),
        (TrainerSettings, "validation_samples", [0]),
        (TrainerSettings, "interconnect_gb_s", [0]),
        (TrainerSettings, "export_tolerance", [0, -1]),
        (TrainerSettings, "sample_answers", [-1]),
        (TrainerSettings, "num_workers", [-1]),
        (TrainerSettings, "mfu", [0, 1.1]),
        (TrainerSettings, "strategy", ["zero4"]),
        (TrainerSettings, "precision", ["fp16"]),
        (TrainerSettings, "export", ["first"]),
        (SupervisedFineTuning, "learning_rate", [0, -1e-5]),
        (SupervisedFineTuning, "weight_decay", [-0.1]),
        (SupervisedFineTuning, "warmup_ratio", [-0.1, 1]),
        (SupervisedFineTuning, "lr_scheduler_type", ["reduce_lr_on_plateau", "cos"]),
        (SupervisedFineTuning, "betas", [(0.9,), (0.9, 1.0)]),
        (Qwen2VL, "dtype", ["bf16"]),
        (Qwen2VL, "export_dtype", ["float16"]),
        (Qwen2VL, "attention", ["flash"]),
        (Qwen2VL, "lora", [{"rank": 4}, {**LORA, "rank": 0}, {**LORA, "dropout": 1.0}, {**LORA, "bias": "none"}]),
        (Qwen2VLProcessor, "max_length", [0]),
        (Qwen2VLProcessor, "max_pixels", [-1]),
        (Qwen2VLProcessor, "too_long", ["cut"]),
    ],
)
def test_signatures_say_which_values_are_wrong(kind: Any, key: str, values: list[Any]) -> None:
    """The default is accepted, these values are not; the pipeline checks each config value against its annotation."""
    parameter = signature(kind).parameters[key]
    checked = TypeAdapter(parameter.annotation)
    checked.validate_python(parameter.default)
    for value in values:
        with pytest.raises(ValidationError):
            checked.validate_python(value)
    if key == "lora":
        checked.validate_python(LORA)


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ("trainer.max_epochs=null", "set trainer.max_epochs or trainer.max_steps"),
        ("trainer.offload_parameters=true", "trainer.offload_parameters=true needs ZeRO-3 or higher"),
        (
            "model.freeze_vision=true model.freeze_projector=true model.freeze_language=true",
            "model: all parts are frozen",
        ),
    ],
)
def test_values_that_do_not_go_together_are_refused_before_any_work(slip: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        Runner(Graph(config(*slip.split()), [STAGES["train"]])).check()


@pytest.mark.parametrize("experiment", ["ain/starter", "ain/paper"])
def test_a_dry_run_of_ones_own_data_says_what_the_whole_way_takes(experiment: str, tmp_path: Path) -> None:
    Image.new("RGB", (640, 480), "red").save(tmp_path / "a.png")
    turns = [{"from": "human", "value": "What is this?"}, {"from": "gpt", "value": "A red wall."}]
    rows = [{"id": str(i), "image": "a.png", "conversations": turns} for i in range(3)]
    (tmp_path / "rows.json").write_text(json.dumps(rows))
    words = ["run", experiment, "source=folder", f"source.path={tmp_path}", f"output_dir={tmp_path}/out"]
    result = ain(*words, "dry_run=true", env={"OPENAI_API_KEY": ""})
    assert result.returncode == 0, result.stderr
    said = result.stderr
    assert "screen: 3 images need 3 requests" in said
    assert "to download: sentence-transformers/LaBSE for verifier" in said
    assert "strategy   parameters" in said
    assert "time of stages: no earlier run with these settings tells it; run a sample first" in said
    if experiment == "ain/paper":
        assert "translate: 3 records need" in said
        assert "back_translate: 3 records need" in said
        assert "1.9 hours on 64 devices" in said
        assert "OPENAI_API_KEY is not set" in said
    else:
        assert "its processor needs torchvision" in said or find_spec("torchvision")
    assert not (tmp_path / "out").exists()


def test_asking_about_held_out_data_needs_some(tmp_path: Path) -> None:
    cfg = config("benchmark=held_out", "mixture.validation=0")
    with pytest.raises(UserError, match=r"benchmark=held_out: nothing is held out; set mixture\.validation"):
        Runner(Graph(cfg, [STAGES["grade"]])).check()


def test_a_constant_rate_has_no_warm_up() -> None:
    with pytest.raises(UserError, match=r"objective.lr_scheduler_type=constant has no warm-up: set"):
        SupervisedFineTuning(lr_scheduler_type="constant")


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
        Runner(Graph(config(*wish), [STAGES["train"]])).check()
    assert said in "\n".join(plan(Graph(config(*wish), [STAGES["train"]])))


def test_a_dry_run_says_what_it_takes() -> None:
    result = ain("train", "ain/recipe", "dry_run=true")
    assert result.returncode == 0
    assert "8,291.4M parameters" in result.stderr
    assert "28,125 steps of 128 samples" in result.stderr
    assert "projector 44.6M" in result.stderr
    # Two gatherings of the weights and one reduction of the gradients, for each of two rows, in bfloat16, less a 64th.
    assert "estimate of communication: 7.7 hours; each device sends 97.9 GB a step, at 100 GB/s" in result.stderr
    assert "estimate in all: 9.6 hours" in result.stderr
    assert "estimate of validation" not in result.stderr
    table = {
        line.split()[1]: line for line in result.stderr.splitlines() if line.startswith("ain:") and " zero" in line
    }
    assert table["zero3"].endswith("<- chosen")


@pytest.mark.parametrize(
    ("name", "millions"),
    [("qwen2_5_vl_3b", 3_754.6), ("qwen2_5_vl_7b", 8_292.2), ("qwen3_vl_4b", 4_437.8), ("qwen3_vl_8b", 8_767.1)],
)
def test_sizes_are_those_of_the_published_models(name: str, millions: float) -> None:
    model = component(config(f"model={name}"), "model")
    size = model.size(model.planned())
    assert size.all / 1e6 == pytest.approx(millions, abs=0.1)
    assert bool(size.head) == name.endswith(("7b", "8b"))
    known = Load(samples=10, tokens=3_000, answer_tokens=600, visual_tokens=1_500, patches=6_000)
    assumed = replace(known, patches=None)
    assert flops(size, known, model.frozen) == flops(size, assumed, model.frozen)


def test_steps_alone_can_be_planned() -> None:
    cfg = config("model=qwen2_vl_2b", "trainer.max_steps=100", "trainer.max_epochs=null")
    load = Load(samples=1_000, tokens=300_000, answer_tokens=60_000, visual_tokens=150_000)
    said = list(lines(component(cfg, "model"), component(cfg, "trainer"), load))
    assert any("; 100 steps of " in line for line in said)


@pytest.mark.parametrize(
    ("strategy", "devices", "a_row", "a_step"),
    [("ddp", 1, 0, 0), ("ddp", 4, 0, 600), ("zero1", 4, 0, 300), ("zero2", 4, 150, 150), ("zero3", 4, 750, 0)],
)
def test_what_devices_exchange(strategy: Any, devices: int, a_row: float, a_step: float) -> None:
    """100 trained values of 200; three quarters of them, and of twice that in float32, lie on the other devices."""
    settings = TrainerSettings(strategy=strategy, devices=devices, precision="bf16-mixed")
    found = traffic(100, 200, settings)
    assert (found.row, found.step) == (a_row, a_step)
    assert found.of_step(3) == 3 * a_row + a_step


def test_a_dry_run_counts_validations() -> None:
    load = Load(samples=100_000, tokens=30_000_000, answer_tokens=6_000_000, visual_tokens=15_000_000)

    def validation(*words: str) -> str:
        cfg = config("model=qwen2_vl_2b", "trainer.max_steps=10001", "trainer.max_epochs=null", *words)
        made = lines(component(cfg, "model"), component(cfg, "trainer"), load, held_out=50_000)
        return next(line for line in made if "estimate of validation" in line)

    def hours(line: str) -> float:
        return float(line.split(": ")[2].split(" hours")[0])

    assert "21 times 2,000 of 50,000 held-out samples" in validation()
    every = validation("trainer.validation_samples=null")
    assert "21 times 50,000 of 50,000" in every
    assert hours(every) > 10 * hours(validation()) > 0


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
    said = list(lines(component(cfg, "model"), component(cfg, "trainer"), None))
    unfit = [line for line in said if "this does not fit" in line]
    assert [line.split("; ")[1] for line in unfit] == ([advice] if advice else [])
