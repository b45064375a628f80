"""Find the keys of a config and refuse unknown ones: an experiment may set keys, not add them."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ain import UserError
from ain.pipeline.renames import renamed
from ain.runtime.paths import CONF


def refuse_unknown_keys(cfg: DictConfig) -> None:
    """Raise UserError if the experiment adds keys: compose again without it and compare the keys."""
    choices = HydraConfig.get().runtime.choices
    name = choices.get("experiment")
    if name is None:
        return
    known = _known(
        [
            f"{group}={choice}"
            for group, choice in choices.items()
            if choice is not None and group != "experiment" and not group.startswith("hydra/")
        ]
    )
    unset = [key for key, value in known.items() if value is None]  # as model.lora: its class checks what is put there
    for key in sorted(set(dict(_items(cfg))) - set(known)):
        if not any(key.startswith(f"{free}.") for free in (*_FREE, *unset)):
            raise UserError(f"experiment {name}: no such key: {key}{_hint(key, set(known))}")


def _hint(key: str, known: set[str]) -> str:
    if new := renamed(key):
        return f"; it is called {new} now"
    return nearest(key, known) or ("" if "." in key else "; does its first line say `# @package _global_`?")


_FREE = (
    "mixture.parts",
    "source.columns",
    "benchmarks",
    "predictors",
    "paper",
    "needs",
    "stand_in",
)  # users choose these keys


def known_keys(overrides: Iterable[str]) -> set[str]:
    return set(_known(overrides))


def _known(overrides: Iterable[str]) -> dict[str, Any]:
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    if not GlobalHydra.instance().is_initialized():
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return dict(_items(compose("config", overrides=list(overrides))))
    return dict(_items(compose("config", overrides=list(overrides))))


def nearest(wrong: str, known: set[str]) -> str:
    near = difflib.get_close_matches(wrong, sorted(known), 1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def _items(node: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Yield all dotted keys with their values, groups included, without resolving anything."""
    plain = OmegaConf.to_container(node, resolve=False) if OmegaConf.is_config(node) else node
    if isinstance(plain, dict):
        for key, value in plain.items():
            yield f"{at}{key!s}", value
            yield from _items(value, f"{at}{key!s}.")
