"""Find what a sweep varies, from the overrides in which its jobs differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

from ain import UserError

SEED = "seed"  # repeats a setting: no axis beside others
DEFAULT = "(default)"  # of a job that does not set the key


@dataclass(frozen=True)
class Axis:
    """A key that differs among jobs. values: in ascending order if they are numbers, else in that of the jobs."""

    key: str
    values: tuple[str, ...]

    @property
    def numeric(self) -> bool:
        return all(number(value) is not None for value in self.values)


def number(text: str) -> float | None:
    """Return the number that a value is, or None. Lists, dicts, null, true and false are none."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None


def given(overrides: Iterable[str]) -> dict[str, str]:
    """Return key → value of overrides such as `thresholds=none` or `+model.lora.rank=8`, without quotation marks and with
    `true` and `false` as people type them."""
    pairs = (word.partition("=") for word in overrides)
    plain = ((key.lstrip("+~"), value.strip("\"'")) for key, _, value in pairs)
    return {key: value.lower() if value in ("True", "False") else value for key, value in plain}


def axes(jobs: list[list[str]]) -> list[Axis]:
    """Return the keys whose values differ, from each job's overrides. `seed` is left out unless it is the only one."""
    settings = [given(words) for words in jobs]
    keys = dict.fromkeys(key for each in settings for key in each)
    found = [Axis(key, tuple(dict.fromkeys(each.get(key, DEFAULT) for each in settings))) for key in keys]
    found = [axis for axis in found if len(axis.values) > 1]
    found = [
        Axis(axis.key, tuple(sorted(axis.values, key=lambda value: number(value) or 0.0))) if axis.numeric else axis
        for axis in found
    ]
    return [axis for axis in found if axis.key != SEED] or found


def setting(overrides: list[str], along: list[Axis]) -> str:
    """Return what tells a setting from others: its value on each axis, as typed."""
    mine = given(overrides)
    return " ".join(f"{axis.key}={mine[axis.key]}" for axis in along if axis.key in mine) or "(defaults)"


def settings(jobs: list[dict[str, Any]], along: list[Axis]) -> dict[str, list[dict[str, Any]]]:
    """Return setting → its jobs, which differ in the seed alone. jobs: rows with `overrides`."""
    found: dict[str, list[dict[str, Any]]] = {}
    for job in jobs:
        found.setdefault(setting(job["overrides"], along), []).append(job)
    return found


def baseline(names: Iterable[str], words: str | None) -> str | None:
    """Return the setting that `report.baseline` means: all its words, as typed in the sweep; None: the first.

    Raise UserError for words that mean no setting, or several.
    """
    known = list(dict.fromkeys(names))
    if words is None:
        return known[0] if known else None
    typed = " ".join(f"{key}={value}" if value else key for key, value in given(words.split()).items())
    meant = [name for name in known if name in (words, typed)] or [
        name for name in known if set(typed.split()) <= set(name.split())
    ]
    if len(meant) == 1:
        return meant[0]
    fault = "means several of the settings" if meant else "means none of the settings"
    raise UserError(f"report.baseline={words}: {fault}; choose one of {', '.join(meant or known)}")


def point(name: str, jobs: Mapping[str, list[dict[str, Any]]], along: list[Axis]) -> list[str]:
    """Return a setting's value on each axis."""
    mine = given(jobs[name][0]["overrides"])
    return [mine.get(axis.key, DEFAULT) for axis in along]
