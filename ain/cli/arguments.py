"""Translate the command line into Hydra's arguments."""

import difflib
import re

from ain import UserError
from ain.cli.verbs import VERBS as BESIDE
from ain.pipeline import renames
from ain.pipeline.choices import options
from ain.pipeline.needs import Experiment, read_experiment
from ain.pipeline.stages import STAGES, TARGETS
from ain.runtime.paths import EXPERIMENTS

VERBS = (*STAGES, *(verb for verb in reversed(TARGETS)), "reproduce")


def arguments(words: list[str]) -> list[str]:
    """Return `run NAME -m a=1,2` as Hydra's arguments: stage, overrides, experiment, then flags with their values.

    Raise UserError for an unknown command and for a renamed one.
    """
    verb, *rest = words
    if verb in renames.COMMANDS:
        raise UserError(f"{verb} is called {renames.COMMANDS[verb]} now: ain {renames.COMMANDS[verb]} ...")
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, (*VERBS, *BESIDE), 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        raise UserError(f"{verb}: no such command; choose one of {', '.join((*VERBS, *BESIDE))}{meant}")
    overrides, flags, names = [], [], []
    for i, word in enumerate(rest):
        if word.startswith("-") or (i and rest[i - 1] in _FLAGS_WITH_VALUE):
            flags.append(word)
        elif "=" in word or word.startswith("~"):
            overrides.append(_checked(verb, _current(word)))
        else:
            names.append(_current(f"experiment={word}").removeprefix("experiment="))
    if len(names) > 1:
        raise UserError(f"{' '.join(names)}: one experiment at a time; overrides look like key=value")
    if verb == "reproduce":
        if not names:
            raise UserError("reproduce what? name an experiment, as in: ain reproduce ain/table4")
        # The experiment's overrides come first, so that the user's take precedence.
        overrides = ["reproduce=true", *_reproducing(names[0], overrides), *overrides]
    elif names:
        overrides = [*_standing_in(names[0], overrides), *overrides]
    if verb not in ("run", "reproduce") or not names:  # an experiment may set the stage
        overrides = [f"stage={verb}", *overrides]
    overrides = [word for each in overrides for word in _expanded(each)]
    return [*overrides, *(f"experiment={name}" for name in names), *flags]


def _reproducing(name: str, typed: list[str]) -> list[str]:
    """Return the overrides that stand in for what is lacking here. Raise UserError if the experiment reproduces nothing, or
    waits for something that nothing stands in for."""
    if (experiment := _experiment(name)) is None:
        return []
    if not experiment.tables:
        raise UserError(f"{name} reproduces no table of a paper; run it with: ain run {name}")
    if waits := experiment.waits_for(typed):
        raise UserError(f"{name} waits: {'; '.join(waits)}")
    return experiment.overrides(typed)


def _standing_in(name: str, typed: list[str]) -> list[str]:
    """Return the same for an experiment that reproduces nothing, unless the command chooses for itself."""
    experiment = _experiment(name)
    found = experiment.overrides(typed) if experiment and not experiment.tables else []
    chosen = {word.partition("=")[0] for word in typed}
    return [] if any(word.partition("=")[0] in chosen for word in found) else found


def _experiment(name: str) -> Experiment | None:
    return read_experiment(EXPERIMENTS / f"{name}.yaml")


def _expanded(override: str) -> list[str]:
    """Return the override with the groups that it asks for: each option of `predictor` among models=[...] is a predictor of
    its own, and benchmark=[A,B] is a suite of these."""
    key, _, value = override.partition("=")
    listed = re.findall(r"[\w./-]+", value)
    if key == "models":
        asked = dict.fromkeys(name for name in listed if name in options("predictor"))
        return [override, *(f"+predictor@predictors.{name}={name}" for name in asked)]
    if key == "benchmark" and value.startswith("["):
        return [f"+benchmark@benchmarks.{name.replace('/', '_')}={name}" for name in dict.fromkeys(listed)]
    return [override]


def _current(override: str) -> str:
    """Return the override. Raise UserError if its key or its choice was renamed."""
    key, _, value = override.partition("=")
    if (new := renames.CHOICES.get(override)) is not None:
        raise UserError(f"{override} is called {new} now")
    if (new := renames.renamed(key.lstrip("+~"))) is not None:
        raise UserError(f"{key} is called {new} now: type {new}={value}")
    return override


def _checked(verb: str, override: str) -> str:
    """Return the override. Raise UserError for a stage beside the verb, and for a dry run that is neither on nor off."""
    key, _, value = override.partition("=")
    if key.lstrip("+~") == "stage":
        raise UserError(f"{override}: the verb is the stage; type ain {value or 'STAGE'} ... instead of ain {verb} ...")
    if key.lstrip("+") == "dry_run" and value.lower() not in ("true", "false"):
        raise UserError(f"{override}: expected true or false")
    if (
        key.lstrip("+") == "report.baseline" and "=" in value and value[0] not in "\"'"
    ):  # the shell took the quotation marks
        return f"{key}='{value}'" if "'" not in value else f'{key}="{value}"'
    return f"{key}={value.lower()}" if key == "dry_run" else override


_FLAGS_WITH_VALUE = (
    "--cfg",
    "-c",
    "--package",
    "-p",
    "--info",
    "-i",
    "--config-path",
    "-cp",
    "--config-name",
    "-cn",
    "--config-dir",
    "-cd",
    "--experimental-rerun",
)
