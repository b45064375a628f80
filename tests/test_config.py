"""Every choice of every group composes and builds its class; every experiment composes."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from ain import UserError
from ain.miniature.checkpoints import SCREEN_PROMPT
from ain.pipeline.build import build, plain
from ain.pipeline.choices import read
from ain.pipeline.evaluation_data import refuse_evaluation_data
from ain.pipeline.graph import Graph
from ain.pipeline.stages import STAGES
from ain.pipeline.values import checked
from ain.runtime.paths import ROOT

CHOICES = sorted(
    (path.parent.name, path.stem) for path in (ROOT / "conf").glob("*/[!_]*.yaml") if path.parent.name != "experiment"
)
EXPERIMENTS = sorted(
    str(path.relative_to(ROOT / "experiments").with_suffix("")) for path in (ROOT / "experiments").rglob("*.yaml")
)


def config(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("config", overrides=list(overrides), return_hydra_config=True)


@pytest.mark.parametrize(("group", "choice"), CHOICES)
def test_every_choice_composes_and_instantiates(group: str, choice: str, tmp_path: Path) -> None:
    needed = [f"source.path={tmp_path}"] if group == "source" and choice != "miniature" else []
    models = {name: name for name in ("translator", "screener", "predictor", "judge")}
    models["back_translation"] = "back_translation.translator"
    needed += [f"{models[group]}.model=any"] if choice == "openai_compatible" else []
    needed += [f"{group}.path={tmp_path}/answers.jsonl"] if choice in ("answers", "imageeval") else []
    cfg = config(f"{group}={choice}", "dry_run=true", *needed)  # no GPU is needed
    built = build(checked(group, plain(cfg, group)))
    target = OmegaConf.select(cfg, f"{group}._target_")
    if target:
        assert type(built).__name__ == target.rsplit(".", 1)[1]
    Graph(cfg, [STAGES["grade"]])


def test_a_model_brings_the_objective_and_trainer_that_suit_it() -> None:
    assert config().objective.learning_rate == 1.5e-3
    real = config("model=qwen2_vl_7b")
    assert (real.objective.learning_rate, real.trainer.accelerator) == (1e-5, "gpu")
    assert config("model=qwen2_vl_7b", "trainer=cpu").trainer.accelerator == "cpu"


def test_the_screener_is_asked_what_it_was_trained_on() -> None:
    assert config().screener.prompt == SCREEN_PROMPT


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_and_says_what_it_asks(experiment: str) -> None:
    assert config(f"experiment={experiment}").stage in (
        "run",
        "rate",
        "probe",
        "back_translate",
        "screen",
        "select",
        "train",
        "evaluate",
    )
    text = (ROOT / "experiments" / f"{experiment}.yaml").read_text(encoding="utf-8")
    assert all(f"# {word}" in text for word in ("@package _global_", "Question:", "Command:", "Expected:"))


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_what_an_experiment_sets_can_be_read_without_hydra(experiment: str) -> None:
    """Also of one that builds on another: a job's page lists what differs from the defaults."""
    found = read(ROOT / "experiments" / f"{experiment}.yaml")
    assert found or experiment in ("quickstart", "ain/starter")  # which choose options alone


def test_no_secret_has_a_place_in_a_config() -> None:
    for path in (ROOT / "conf").rglob("*.yaml"):
        keys = [line.split(":")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
        assert not [key for key in keys if key.endswith(("key", "token", "secret", "password"))], path


def test_data_for_evaluation_are_no_training_data() -> None:
    for words in (["source=hub", "source.path=UBC-NLP/PEARL"], ["source=hub", "source.path=MBZUAI/ArabicMMLU"]):
        with pytest.raises(
            UserError, match=r"source\.path=.*: the licence of this data set \(CC-.*\) is for evaluation"
        ):
            refuse_evaluation_data(config(*words))
    refuse_evaluation_data(config("source=hub", "source.path=someone/something"))
    refuse_evaluation_data(config())
