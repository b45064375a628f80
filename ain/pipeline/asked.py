"""Which models a job asks which benchmarks: every one of `models` all benchmarks of the suite, or the one benchmark."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf

from ain import UserError
from ain.pipeline.build import plain

BASE = "base"  # the model before training


class Pair(NamedTuple):
    """A model to be asked a benchmark. label: what tells this pair from the others. cfg: the groups that they need."""

    label: str
    cfg: DictConfig


def pairs(cfg: DictConfig) -> Iterator[Pair]:
    """Yield every model with every benchmark. Raise UserError if there is none."""
    if not cfg.models:
        raise UserError("models=[]: no model to ask; choose among base, tuned, and the options of predictor")
    suite = {str(name): plain(cfg, f"benchmarks.{name}") for name in cfg.benchmarks}
    common = {name: value for name, value in cfg.suite.items() if value is not None}
    benchmarks = {name: values | common for name, values in suite.items()} or {"": plain(cfg, "benchmark")}
    _refuse_equal_names(benchmarks)
    judge = plain(cfg, "judge")
    for model in map(str, cfg.models):
        predictor = _predictor(model, cfg)
        groups = {"asked": _asked(model, cfg, local="checkpoint" in predictor), "predictor": predictor}
        for name, benchmark in benchmarks.items():
            label = ", ".join(filter(None, (model, name)))
            yield Pair(label, OmegaConf.create({**groups, "benchmark": benchmark, "judge": judge}))


def _refuse_equal_names(benchmarks: dict[str, dict[str, Any]]) -> None:
    """Raise UserError, naming both keys, for two benchmarks of one name: their results could not be told apart."""
    keys: dict[str, str] = {}
    for key, values in benchmarks.items():
        if "_target_" not in values:
            raise UserError(f"benchmarks.{key}: no such benchmark; add one with +benchmark@benchmarks.{key}=NAME")
        name = values.get("name") or get_object(values["_target_"]).name
        if (other := keys.setdefault(name, key)) != key:
            raise UserError(
                f"benchmarks.{other} and benchmarks.{key} have the same name, {name}; "
                + (f"give one another, as benchmarks.{key}.name={key}" if "name" in values else "remove one of them")
            )


def _predictor(model: str, cfg: DictConfig) -> dict[str, Any]:
    """Return the settings of what answers for a model. Its messages name the keys as they are typed."""
    if model not in cfg.predictors:
        return plain(cfg, "predictor")  # type: ignore[no-any-return]
    made: dict[str, Any] = plain(cfg, f"predictors.{model}")
    how = made.get("how") or {}
    return {**made, "how": {**how, "where": f"predictors.{model}"}} if "where" in how else made


def _asked(model: str, cfg: DictConfig, local: bool) -> dict[str, object]:
    """Return what a predictor without a checkpoint of its own needs: the model's name, checkpoint and processor.

    The checkpoint of the tuned model is that of the training. local: the predictor runs a checkpoint.
    """
    checkpoint = plain(cfg, "model.checkpoint") if local and model == BASE else None
    return {"name": model, "checkpoint": checkpoint, "processor": plain(cfg, "model.processor") if local else None}
