"""What an experiment needs that a machine may lack, and what takes the place of that.

An experiment's `needs` and `stand_in` are read from its file, without Hydra: the command line looks before it composes.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from ain import UserError
from ain.pipeline.broken_yaml import broken_yaml
from ain.storage.files import given_text

Words = list[str]  # overrides, as typed


@dataclass(frozen=True)
class Needs:
    """keys: environment variables. typed: setting → what to give it. gpus: how many. people: who is to do what. weights: what
    is fetched at its first use; what is unavailable then is a result. time, cost: of the real thing, by our estimate."""

    keys: list[str] = field(default_factory=list)
    typed: dict[str, str] = field(default_factory=dict)
    gpus: int = 0
    people: str | None = None
    weights: str | None = None
    time: str | None = None
    cost: str | None = None

    def lacking(self, words: Words) -> list[str]:
        """Return what is missing here, a phrase each."""
        given = {word.lstrip("+").partition("=")[0] for word in words}
        found = [f"set {key}" for key in self.keys if not os.environ.get(key)]
        found += [f"add {key}=... ({what})" for key, what in self.typed.items() if key not in given]
        if self.gpus > (_gpus() if self.gpus else 0):
            found.append(f"run it where there {'is a GPU' if self.gpus == 1 else f'are {self.gpus} GPUs'}")
        return found + ([self.people] if self.people else [])

    def in_words(self) -> str:
        """Return what the real thing needs, for a table."""
        said = [*self.keys, *(f"`{key}`: {what}" for key, what in self.typed.items())]
        said += [f"{self.gpus} GPU{'s' if self.gpus > 1 else ''}"] if self.gpus else []
        return "; ".join([*said, *filter(None, (self.weights, self.people))]) or "nothing"


@dataclass(frozen=True)
class StandIn:
    """overrides: what takes the place of what is lacking. names: dimension → our option → the paper's that it stands for.
    columns: our dimension in place of the columns of the paper's table."""

    overrides: Words = field(default_factory=list)
    names: dict[str, dict[str, str]] = field(default_factory=dict)
    columns: str | None = None


@dataclass(frozen=True)
class Experiment:
    """The parts of an experiment that are no settings of a job. tables: what of a paper it reproduces."""

    tables: list[str]
    needs: Needs
    stand_in: StandIn
    command: str  # its first command, as the file's head says

    def here(self) -> str:
        """Return what happens where something is lacking, for a table."""
        if self.stand_in.overrides:
            return "stood in for: " + " ".join(f"`{word}`" for word in self.stand_in.overrides)
        if self.needs.lacking([]) or self.needs.gpus or self.needs.people:
            return "waiting"
        ours = dict.fromkeys(option for names in self.stand_in.names.values() for option in names)
        return f"what is available, with stand-ins: {', '.join(ours)}"

    def waits_for(self, words: Words) -> list[str]:
        """Return what it lacks, if nothing stands in."""
        return [] if self.stand_in.overrides else self.needs.lacking(words)

    def overrides(self, words: Words) -> Words:
        """Return the overrides that stand in for what is lacking."""
        return list(self.stand_in.overrides) if self.needs.lacking(words) else []


def _gpus() -> int:
    """Return the number of this machine's GPUs, without loading torch."""
    if not shutil.which("nvidia-smi"):
        return 0
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=False).stdout
    return sum(line.startswith("GPU ") for line in listed.splitlines())


def read_experiment(file: Path) -> Experiment | None:
    """Return None if there is no such file: Hydra's own message is better."""
    if not file.exists():
        return None
    text = given_text(file)
    try:
        given = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise UserError(broken_yaml(error, str(file))) from None
    command = next((line.partition("Command:")[2].strip() for line in text.splitlines() if "Command:" in line), "")
    return Experiment(
        tables(given.get("paper")),
        Needs(**_known(Needs, given.get("needs") or {}, f"{file}: needs")),
        stand_in(given.get("stand_in"), str(file)),
        command.partition("   ")[0],
    )


def tables(paper: Any) -> list[str]:
    """Return the tables that `paper: {table: NAME, with: [NAME, ...]}` names, the compared one first."""
    if wrong := set(paper or {}) - {"table", "with"}:
        raise UserError(
            f"paper.{min(wrong)}: no such key; an experiment says paper: {{table: NAME, with: [NAME, ...]}}"
        )
    return [paper["table"], *(paper.get("with") or [])] if paper else []


def stand_in(given: Any, file: str = "experiment") -> StandIn:
    return StandIn(**_known(StandIn, given or {}, f"{file}: stand_in"))


def _known(kind: type, given: dict[str, Any], where: str) -> dict[str, Any]:
    names = [one.name for one in fields(kind)]  # type: ignore[arg-type]
    if wrong := set(given) - set(names):
        raise UserError(f"{where}.{min(wrong)}: no such key; choose among {', '.join(names)}")
    return given
