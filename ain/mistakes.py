"""Mistakes in a command or a config, said in one sentence with the nearest right word. None means: not a person's mistake."""

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ain import UserError

# Python, Arrow, safetensors, SQLite and torch say it each in an exception of its own.
_DISK_FULL = re.compile(
    r"no space left|disk is full|quota exceeded|errno 27|inline_container.*(write failed|unexpected pos)", re.I
)


def sentence(error: Exception) -> str | None:
    """What to tell the person."""
    if isinstance(error, UserError):
        return str(error)
    if _DISK_FULL.search(str(error)):
        return "no space left on the disk; free some, then the same command goes on from here"
    if not isinstance(error, HydraException | OmegaConfBaseException):
        return None
    text = f"{error}\n{error.__cause__ or ''}"
    if choice := re.search(
        r"Could not find '([^']+)/([^'/]+)'.*?Available options in '[^']+':\n((?:\t\S+\n?)+)", text, re.S
    ):
        group, wrong, options = (
            choice[1],
            choice[2],
            [option.strip() for option in choice[3].split("\n") if option.strip()],
        )
        if not group.startswith("experiment"):
            return _wrong_choice(group, wrong, options)
    if missing := re.search(r"Could not find 'experiment/([^']+)'", text):
        return _wrong_choice("experiment", missing[1], _experiments())
    if unknown := re.search(r"Could not override '([^']+)'", text):
        return f"no such key: {unknown[1]}{_near(unknown[1], _known_keys([]))}"
    if experiment := re.search(r"Could not override '([^']+)'\.\s+No match in the defaults list", text):
        return f"no such group: {experiment[1]}"
    return " ".join(text.split()).removesuffix("None").strip()


def _wrong_choice(group: str, wrong: str, options: list[str]) -> str:
    near = difflib.get_close_matches(wrong, options, 1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    return f"{group}={wrong}: choose one of {', '.join(options)}{meant}"


def _experiments() -> list[str]:
    from ain.__main__ import ROOT

    folder = ROOT / "experiments"
    return sorted(
        str(path.relative_to(folder).with_suffix("")) for path in folder.rglob("*.yaml") if path.parent.name != "paper"
    )


def refuse_unknown_keys(cfg: DictConfig) -> None:
    """An experiment may set keys, not invent them: compose again without it and compare the keys."""
    choices = HydraConfig.get().runtime.choices
    name = choices.get("experiment")
    if name is None:
        return
    known = _known_keys(
        [
            f"{group}={choice}"
            for group, choice in choices.items()
            if choice is not None and group != "experiment" and not group.startswith("hydra/")
        ]
    )
    for key in sorted(set(_keys(cfg)) - known):
        if not any(key.startswith(f"{free}.") for free in _FREE):
            hint = (
                _near(key, known) or "; does its first line say `# @package _global_`?"
                if "." not in key
                else _near(key, known)
            )
            raise UserError(f"experiment {name}: no such key: {key}{hint}")


_FREE = ("mixture.parts", "source.columns", "paper", "stand_in")  # people name these keys themselves


def _known_keys(overrides: Iterable[str]) -> set[str]:
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    from ain.__main__ import ROOT

    if not GlobalHydra.instance().is_initialized():
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            return set(_keys(compose("config", overrides=list(overrides))))
    return set(_keys(compose("config", overrides=list(overrides))))


def _near(wrong: str, known: set[str]) -> str:
    near = difflib.get_close_matches(wrong, sorted(known), 1, cutoff=0.7)
    return f"; did you mean {near[0]}?" if near else ""


def _keys(node: Any, at: str = "") -> Iterator[str]:
    """All keys with their dots, groups included; nothing is resolved."""
    plain = OmegaConf.to_container(node, resolve=False) if OmegaConf.is_config(node) else node
    if isinstance(plain, dict):
        for key, value in plain.items():
            yield f"{at}{key!s}"
            yield from _keys(value, f"{at}{key!s}.")
