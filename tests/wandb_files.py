"""Read what W&B's offline mode wrote: one file of records for each time that a run was opened."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ain.tracking.written import records


@dataclass
class Told:
    """What one run was told, over all its files, in the order in which `wandb sync` sends them."""

    files: list[Path] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)  # group, job_type, tags, name
    config: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)  # name → its definition
    artifacts: dict[str, Any] = field(default_factory=dict)  # name → type, metadata, references
    exits: list[int | None] = field(default_factory=list)  # one for each file

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.history if name in row]

    def tables(self) -> dict[str, dict[str, Any]]:
        """Return columns and data of all tables by key."""
        found = {}
        for row in self.history:
            for key, value in row.items():
                if isinstance(value, dict) and value.get("_type") == "table-file":
                    (path,) = {p for file in self.files for p in file.parent.glob(f"files/{value['path']}")}
                    found[key] = json.loads(path.read_text(encoding="utf-8"))
        return found


def runs(outputs: Path) -> dict[str, Told]:
    """Return id → run, for all files under a directory."""
    found: dict[str, Told] = {}
    for file in sorted(outputs.rglob("run-*.wandb"), key=lambda path: path.parent.name):
        told = found.setdefault(file.stem.removeprefix("run-"), Told())
        told.files.append(file)
        _read(file, told)
    return found


def _read(file: Path, told: Told) -> None:
    code = None
    for record in records(file):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run = record.run
            told.about = {
                "group": run.run_group,
                "type": run.job_type,
                "tags": list(run.tags),
                "name": run.display_name,
            }
            told.config |= {item.key: json.loads(item.value_json) for item in run.config.update if item.key != "_wandb"}
        elif kind == "history":
            told.history.append(_items(record.history.item))
        elif kind == "summary":
            told.summary |= _items(record.summary.update)
        elif kind == "metric":
            told.metrics[record.metric.name or record.metric.glob_name] = record.metric
        elif kind == "request" and record.request.HasField("log_artifact"):
            _artifact(record.request.log_artifact.artifact, told)
        elif kind == "artifact":
            _artifact(record.artifact, told)
        elif kind == "exit":
            code = record.exit.exit_code
    told.exits.append(code)


def _items(items: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        place, names = found, list(item.nested_key) or [item.key]
        for name in names[:-1]:
            place = place.setdefault(name, {})
        place[names[-1]] = json.loads(item.value_json)
    return found


def _artifact(record: Any, told: Told) -> None:
    references = [entry.ref for entry in record.manifest.contents]
    told.artifacts[record.name] = (record.type, json.loads(record.metadata or "{}"), references)
