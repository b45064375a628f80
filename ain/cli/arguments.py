"""Translate the command line into Hydra's arguments."""

import difflib

from ain import UserError
from ain.pipeline import renames
from ain.pipeline.stages import REPORTED, STAGES
from ain.report.reproduction import stand_ins
from ain.runtime.paths import EXPERIMENTS

VERBS = (*STAGES, *REPORTED[::-1], "reproduce")


def arguments(words: list[str]) -> list[str]:
    """Return `run NAME -m a=1,2` as Hydra's arguments: stage, overrides, experiment, then flags with their values.

    Raise UserError for an unknown command and for a renamed one.
    """
    verb, *rest = words
    if verb in renames.COMMANDS:
        raise UserError(f"{verb} is called {renames.COMMANDS[verb]} now: ain {renames.COMMANDS[verb]} ...")
    if verb not in VERBS:
        near = difflib.get_close_matches(verb, VERBS, 1)
        meant = f" (did you mean {near[0]}?)" if near else ""
        raise UserError(f"{verb}: no such command; choose one of {', '.join(VERBS)}{meant}")
    overrides, flags, names = [], [], []
    for i, word in enumerate(rest):
        if word.startswith("-") or (i and rest[i - 1] in _FLAGS_WITH_VALUE):
            flags.append(word)
        elif "=" in word or word.startswith("~"):
            overrides.append(_current(word))
        else:
            names.append(_current(f"experiment={word}").removeprefix("experiment="))
    if len(names) > 1:
        raise UserError(f"{' '.join(names)}: one experiment at a time; overrides look like key=value")
    if verb == "reproduce":
        if not names:
            raise UserError("reproduce what? name an experiment, as in: ain reproduce ain/table4")
        # The experiment's overrides come first, so that the user's take precedence.
        overrides = ["reproduce=true", *stand_ins(names[0], EXPERIMENTS / f"{names[0]}.yaml"), *overrides]
    elif verb != "run" or not names:  # an experiment may set the stage
        overrides = [f"stage={verb}", *overrides]
    return [*overrides, *(f"experiment={name}" for name in names), *flags]


def _current(override: str) -> str:
    """Return the override. Raise UserError if its key or its choice was renamed."""
    key, _, value = override.partition("=")
    if (new := renames.CHOICES.get(override)) is not None:
        raise UserError(f"{override} is called {new} now")
    if (new := renames.renamed(key.lstrip("+~"))) is not None:
        raise UserError(f"{key} is called {new} now: type {new}={value}")
    return override


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
