"""Turn errors in a command or a config into one sentence that suggests the nearest valid word."""

import difflib
import re
from pathlib import Path

import yaml
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from ain import UserError
from ain.pipeline import choices
from ain.pipeline.broken_yaml import broken_yaml
from ain.pipeline.check import followers
from ain.pipeline.keys import known_keys, nearest
from ain.runtime.printable import printable
from ain.storage.damage import Damaged

# Python, Arrow, safetensors, SQLite and torch each raise their own exception for a full disk.
_DISK_FULL = re.compile(
    r"no space left|disk is full|quota exceeded|errno 27|inline_container.*(write failed|unexpected pos)", re.I
)


def sentence(error: Exception) -> str | None:
    """Return the message for the user, or None for an error that is not the user's mistake."""
    if isinstance(error, Damaged) and error.directory and (names := followers(error.directory)):
        return printable(f"{error}; made from it: {', '.join(names)}")
    if isinstance(error, UserError):
        return printable(str(error))
    if _DISK_FULL.search(str(error)):
        return "no space left on the disk; free some, then run the same command to resume"
    if isinstance(error, yaml.YAMLError):
        return broken_yaml(error)
    if isinstance(error, UnicodeDecodeError) and (file := next(filter(_not_utf8, choices.files()), None)):
        return f"{file}: not in UTF-8; save it as UTF-8"
    if isinstance(error, OSError) and str(error).startswith("Invalid loaded object type"):  # OmegaConf's
        return (
            f"a file in conf/ holds one {str(error).split()[-1]}: expected keys with values; correct the one you chose"
        )
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
        return _wrong_choice("experiment", missing[1], choices.experiments())
    if unknown := re.search(r"Could not override '([^']+)'", text):
        return f"no such key: {unknown[1]}{_elsewhere(unknown[1]) or nearest(unknown[1], known_keys([]))}"
    if experiment := re.search(r"Could not override '([^']+)'\.\s+No match in the defaults list", text):
        return f"no such group: {experiment[1]}"
    return " ".join(text.split()).removesuffix("None").strip()


def _not_utf8(file: Path) -> bool:
    try:
        file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _wrong_choice(group: str, wrong: str, options: list[str]) -> str:
    near = difflib.get_close_matches(wrong, options, 1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    return f"{group}={wrong}: choose one of {', '.join(options)}{meant}"


def _elsewhere(key: str) -> str:
    """Return which choices of the group have the key, or the nearest one that the chosen option lacks."""
    group, _, rest = key.partition(".")
    if group not in choices.groups():
        return ""
    having: dict[str, list[str]] = {}
    for option in choices.options(group):
        for name in choices.settings(group, option):
            having.setdefault(name, []).append(option)
    if rest in having:
        return f"; it exists for {group}={', '.join(having[rest])}"
    last = rest.rpartition(".")[2]
    same = next((name for name in having if name.rpartition(".")[2] == last), None)
    near = difflib.get_close_matches(rest, having, 1, cutoff=0.7)
    if same is None and (not near or f"{group}.{near[0]}" in known_keys([])):
        return ""
    meant = same or near[0]
    return f"; did you mean {group}.{meant}, which exists for {group}={', '.join(having[meant])}?"
