"""Publish each job as one W&B run, with the tables and figures of the report. Offline unless `tracker=online`."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ain import UserError
from ain.runtime.provenance import commit
from ain.storage.manifest import read_manifest
from ain.storage.tables import read_table


def refuse_anonymous(mode: str) -> None:
    """Raise UserError if `tracker=online` is not logged in: before hours of work, not after them."""
    if mode == "online" and not (os.environ.get("WANDB_API_KEY") or (Path.home() / ".netrc").exists()):
        raise UserError("tracker=online: not logged in; set WANDB_API_KEY, or set tracker=offline and sync later")


@dataclass(frozen=True)
class Run:
    """The W&B run of a job or of a whole sweep. folder: for W&B's own files."""

    mode: str  # offline | online | disabled
    project: str
    name: str
    group: str | None
    job_type: str
    tags: list[str]
    config: dict[str, Any]
    folder: Path
    summary: dict[str, Any] = field(default_factory=dict)


def publish(run: Run, directories: dict[str, Path], page: Path) -> None:
    """Send metrics, tables and figures of the stages in `directories`, and those of the report at `page`."""
    if run.mode == "disabled":
        return
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    made = wandb.init(
        project=run.project,
        dir=str(run.folder),
        mode=run.mode,  # type: ignore[arg-type]
        name=run.name,
        group=run.group,
        job_type=run.job_type,
        tags=run.tags,
        config={**run.config, "git_commit": commit()},
        settings=wandb.Settings(console="off", x_disable_stats=True),
        reinit="finish_previous",
    )
    try:
        made.log(_content(directories, page, wandb))
        made.summary.update(run.summary)
    finally:
        made.finish(exit_code=0)


def _content(directories: dict[str, Path], page: Path, wandb: Any) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for stage, directory in directories.items():
        manifest = read_manifest(directory)
        content |= {
            f"{stage}/{name}": value for name, value in manifest["counts"].items() if isinstance(value, int | float)
        }
        content[f"{stage}/seconds"] = manifest["seconds"]
    for name, directory in {**directories, "report": page}.items():
        for path in sorted((directory / "tables").glob("*.csv")):
            if rows := read_table(path):
                columns = [_column(key, [row[key] for row in rows], directory, wandb) for key in rows[0]]
                table = wandb.Table(columns=list(rows[0]), data=list(zip(*columns, strict=True)))
                content[_free(f"{name}/{path.stem}", "table", content)] = table
        for path in sorted((directory / "figures").glob("*.png")):
            content[_free(f"{name}/{path.stem}", "figure", content)] = wandb.Image(str(path))
    return content


def _free(key: str, kind: str, content: dict[str, Any]) -> str:
    return f"{key}_{kind}" if key in content else key


def _column(name: str, values: list[Any], directory: Path, wandb: Any) -> list[Any]:
    """Return thumbnails as images, any other values unchanged."""
    if name == "thumbnail":
        return [wandb.Image(str(directory / value)) if value else None for value in values]
    return values
