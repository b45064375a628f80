"""Wrong values are rejected before any work, with one sentence that names the key as typed."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from ain import UserError
from ain.pipeline.graph import Graph
from ain.pipeline.job_settings import check_settings
from ain.pipeline.stages import STAGES
from ain.runtime.paths import CONF

FOLDER = ("source=folder", "source.path=/")
CHAT = ("translator=openai_compatible", "translator.model=any")
SEES = ("screener=openai_compatible", "screener.model=any")
JUDGE = ("judge=openai_compatible", "judge.model=any")
BACK = ("back_translation=openai_compatible", "back_translation.translator.model=any")

# The overrides (the last one is wrong) and how the message begins.
WRONG = [
    # top level
    (("seed=abc",), "seed=abc: expected a whole number"),
    (("seed=-1",), "seed=-1: expected a number of at least 0"),
    (("dry_run=maybe",), "dry_run=maybe: expected true or false"),
    (("records=7",), "records=7: expected a list"),
    # source
    (("source.scenes=many",), "source.scenes=many: expected a whole number"),
    (("source.scenes=-5",), "source.scenes=-5: expected a number of at least"),
    (("source.unsafe=1.5",), "source.unsafe=1.5: expected a number of at most 1"),
    (("source.limit=true",), "source.limit=true: expected a whole number"),
    ((*FOLDER, "source.format=csv"), "source.format=csv: expected one of"),
    ((*FOLDER, "source.domain=[a]"), "source.domain=[a]: expected text"),
    # translator, how: included
    (("translator.num_beams=0",), "translator.num_beams=0: expected a number"),
    (("translator.max_new_tokens=few",), "translator.max_new_tokens=few: expected a whole number"),
    (("translator.how.batch_size=0",), "translator.how.batch_size=0: expected a number"),
    ((*CHAT, "translator.granularity=word"), "translator.granularity=word: expected one of"),
    ((*CHAT, "translator.retry_on=[jsn]"), "translator.retry_on=[jsn]: expected one of"),
    ((*CHAT, "translator.temperature=hot"), "translator.temperature=hot: expected a number"),
    ((*CHAT, "translator.how.requests_per_minute=abc"), "translator.how.requests_per_minute=abc: expected a number"),
    ((*CHAT, "translator.how.concurrency=0"), "translator.how.concurrency=0: expected a number"),
    ((*CHAT, "translator.how.max_cost_usd=free"), "translator.how.max_cost_usd=free: expected a number"),
    ((*CHAT, "translator.how.batch_api=1"), "translator.how.batch_api=1: expected true or false"),
    (
        (*BACK, "back_translation.translator.how.max_attempts=0"),
        "back_translation.translator.how.max_attempts=0: expected",
    ),
    (("back_translation.records=0",), "back_translation.records=0: expected a number"),
    # verifier, screener
    (("verifier.backend=tensorrt",), "verifier.backend=tensorrt: expected one of"),
    (("verifier.normalised=perhaps",), "verifier.normalised=perhaps: expected true or false"),
    (("verifier.how.batch_size=-1",), "verifier.how.batch_size=-1: expected a number"),
    (("screener.max_tokens=0",), "screener.max_tokens=0: expected a number"),
    (("screener.near_duplicate_bits=40",), "screener.near_duplicate_bits=40: expected a number"),
    ((*SEES, "screener.how.timeout_s=0"), "screener.how.timeout_s=0: expected a number"),
    # thresholds, mixture, probe, rating, benchmark
    (("thresholds.similarity=high",), "thresholds.similarity=high: expected a number"),
    (("thresholds.sampled=some",), "thresholds.sampled=some: expected one of"),
    (("thresholds.digits=3",), "thresholds.digits=3: expected true or false"),
    (("mixture.validation=2",), "mixture.validation=2: expected a number"),
    (("mixture.images=dark",), "mixture.images=dark: expected one of"),
    (("probe.good=0",), "probe.good=0: expected a number"),
    (("rating.files=me.csv",), "rating.files=me.csv: expected a list"),
    (("benchmark.images=[upside_down]",), "benchmark.images=[upside_down]: expected one of"),
    (("benchmark.scenes=0",), "benchmark.scenes=0: expected a number"),
    ((*JUDGE, "judge.check=-1"), "judge.check=-1: expected a number of at least 0"),
    ((*JUDGE, "judge.how.max_cost_usd=free"), "judge.how.max_cost_usd=free: expected a number"),
    # model, objective, trainer
    (("model.dtype=int8",), "model.dtype=int8: expected one of"),
    (("model.freeze_vision=yes please",), "model.freeze_vision=yes please: expected true or false"),
    (("model.processor.max_length=0",), "model.processor.max_length=0: expected a number"),
    (("objective.learning_rate=-1e-5",), "objective.learning_rate=-1e-05: expected a number above 0"),
    (("objective.warmup_ratio=1.5",), "objective.warmup_ratio=1.5: expected a number"),
    (("objective.lr_scheduler_type=zigzag",), "objective.lr_scheduler_type=zigzag: expected one of"),
    (("trainer.strategy=zero4",), "trainer.strategy=zero4: expected one of"),
    (("trainer.pack_length=0",), "trainer.pack_length=0: expected a number"),
    (("trainer.how.mfu=2",), "trainer.how.mfu=2: expected a number"),
    (("trainer.how.num_workers=two",), "trainer.how.num_workers=two: expected a whole number"),
    # unknown keys
    (("+translator.num_beems=2",), "translator.num_beems: there is no such setting; choose among"),
    (("+trainer.how.worker=2",), "trainer.how.worker: there is no such setting; choose among"),
    (("tracker.mode=sometimes",), "tracker.mode=sometimes: expected one of"),
]


def config(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", overrides=list(overrides))


def resolved(*words: str) -> Graph:
    """Return the graph that a job resolves before any work."""
    cfg = config(*words)
    check_settings(cfg)
    return Graph(cfg, STAGES.values())


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[words[-1] for words, _ in WRONG])
def test_a_wrong_value_gets_one_sentence(words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ain.pipeline.graph.shape", lambda group, values: None)  # rejected before anything is read
    with pytest.raises(UserError) as refused:
        resolved(*words)
    assert str(refused.value).startswith(said)
    assert "\n" not in str(refused.value)


def test_there_are_forty_of_them_at_every_group() -> None:
    groups = {words[-1].lstrip("+").split("=")[0].split(".")[0] for words, _ in WRONG}
    with_values = {path.name for path in CONF.iterdir() if path.is_dir()}
    ours = {"engine", "experiment", "policy", "predictor", "prompt", "suite"}  # texts, and groups with their own tests
    assert len(WRONG) >= 40
    assert with_values - ours <= groups


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    from commands import ain

    for place in ("/proc/x", str(tmp_path / "file" / "x")):
        (tmp_path / "file").touch()
        result = ain("collect", "source.scenes=1", f"output_dir={place}")
        assert result.returncode != 0
        assert f"output_dir={place}: cannot be written" in result.stderr
        assert "Traceback" not in result.stderr
