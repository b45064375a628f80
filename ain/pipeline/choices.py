"""Read groups, options, their settings and experiments from the files of conf/, without Hydra, which takes seconds."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ain.runtime.paths import CONF, EXPERIMENTS


class Setting(NamedTuple):
    value: str
    comment: str


def files() -> Iterator[Path]:
    """Yield all files that a config may be composed of."""
    yield from CONF.rglob("*.yaml")
    yield from EXPERIMENTS.rglob("*.yaml")


def groups() -> list[str]:
    return sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name not in ("experiment", "hydra"))


def options(group: str) -> list[str]:
    """Return the options of a group, those of its folders as FOLDER/NAME. What begins with _ is for others to build on."""
    found = (path.relative_to(CONF / group) for path in (CONF / group).rglob("[!_]*.yaml"))
    return sorted(path.with_suffix("").as_posix() for path in found)


def experiments() -> list[str]:
    found = (path.relative_to(EXPERIMENTS).with_suffix("") for path in EXPERIMENTS.rglob("*.yaml"))
    return sorted(name.as_posix() for name in found)


def defaults() -> dict[str, str]:
    found = _root()["defaults"]
    return {group: option for each in found if isinstance(each, dict) for group, option in each.items() if option}


@cache
def default_job() -> Mapping[str, str]:
    """Return the choices of a job that names none: the defaults, and what these bring, as a model its trainer."""
    found = defaults()
    for group, option in list(found.items()):
        path = CONF / group / f"{option}.yaml"
        for base in (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("defaults", []):
            for key, other in base.items() if isinstance(base, dict) else ():
                found[key.removeprefix("override /").partition("@")[0]] = other
    return found


def differing(chosen: dict[str, str], experiment: str | None, typed: list[str]) -> list[dict[str, str]]:
    """Return what a job sets otherwise than the defaults, a row each: setting, here, default. chosen: option of each group.
    typed: words of the command; they and the experiment's file also set single values."""
    usual = default_job()
    rows = {
        group: {"setting": group, "here": option, "default": usual[group]}
        for group, option in chosen.items()
        if group in usual and option != usual[group]
    }
    file = EXPERIMENTS / f"{experiment}.yaml"
    given = {key: each.value for key, each in (read(file) if experiment and file.exists() else {}).items()}
    given |= {key.lstrip("+~"): value for key, _, value in (word.partition("=") for word in typed)}
    for key, value in given.items():
        group, _, name = key.partition(".")
        if key not in usual and group in (*usual, "seed"):
            known = settings(group, chosen.get(group)).get(name) if name else None
            default = known.value if known else str(_root().get(key, ""))
            rows[key] = {"setting": key, "here": value.strip("\"'"), "default": default}
    return list(rows.values())


def _root() -> dict[str, Any]:
    return yaml.safe_load((CONF / "config.yaml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def settings(group: str, option: str | None) -> dict[str, Setting]:
    path = CONF / group / f"{option}.yaml"
    return read(path) if path.exists() else {}


def read(path: Path) -> dict[str, Setting]:
    """Return an option's settings by dotted key, those of the options that it builds on first."""
    text = path.read_text(encoding="utf-8")
    lines, found = text.splitlines(), dict[str, Setting]()
    for base in (yaml.safe_load(text) or {}).get("defaults", []):
        if isinstance(base, str) and base != "_self_":
            found |= _base(path, base)
    for key, node in _leaves(yaml.compose(text)):
        if not key.startswith(("defaults", "chat.")) and "_target_" not in key and not key.endswith("how.where"):
            value, comment = _shown(node, lines)
            found[key] = Setting(value, comment or (found[key].comment if key in found else ""))
    return found


def _base(path: Path, name: str) -> dict[str, Setting]:
    """Return the settings of `other` (same group; experiments are one, with folders) or of `/group/other@key`, which stand
    below that key, unless that is `_here_`."""
    place, _, at = name.partition("@")
    own = EXPERIMENTS if path.is_relative_to(EXPERIMENTS) else path.parent
    folder = CONF if place.startswith("/") else own
    found = read(folder / f"{place.lstrip('/')}.yaml")
    return {f"{at}.{key}": each for key, each in found.items()} if at and at != "_here_" else found


def _leaves(node: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        name = f"{at}{key.value}"
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            yield from _leaves(value, f"{name}.")
        else:
            yield name, value


def _shown(node: Any, lines: list[str]) -> tuple[str, str]:
    start, end = node.start_mark, node.end_mark
    if start.line != end.line or getattr(node, "style", None) in ("|", ">"):
        return "...", ""
    return lines[start.line][start.column : end.column], lines[end.line][end.column :].partition("# ")[2]
