"""Weights & Biases: one run a job, with the tables and figures that the report shows. Offline unless `tracker=online`."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ain import UserError
from ain.storage.manifest import read_manifest
from ain.storage.tables import read_table


def refuse_anonymous(cfg: DictConfig) -> None:
    """Before hours of work, not after them."""
    if cfg.tracker.mode == "online" and not (os.environ.get("WANDB_API_KEY") or (Path.home() / ".netrc").exists()):
        raise UserError("tracker=online: not logged in; set WANDB_API_KEY, or say tracker=offline and sync later")


def publish(job: dict[str, Any], directories: dict[str, Path], page: Path, cfg: DictConfig, folder: Path) -> None:
    """Send a finished job's metrics, tables and figures, those of its report at `page` among them.

    A repeated job is a new run with the same fingerprint among its tags.
    """
    if cfg.tracker.mode == "disabled":
        return
    name = " ".join(job["overrides"]) or job["experiment"] or "quickstart"
    tags = [job["job"], *([job["experiment"]] if job["experiment"] else [])]
    with _run(cfg, name, job["experiment"], job["stage"], tags, folder) as (run, wandb):
        run.log(_content(directories, page, wandb))
        run.summary.update({"headline": job["headline"], "choices": dict(HydraConfig.get().runtime.choices)})


def publish_together(cfg: DictConfig, page: Path, folder: Path) -> None:
    """What was made of a sweep's jobs together: the tables and figures at `page`."""
    if cfg.tracker.mode == "disabled":
        return
    experiment = cfg.hydra.runtime.choices.get("experiment")
    plain = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"])
    with _run(plain, f"{experiment or cfg.stage}: all", experiment, "sweep", [experiment or cfg.stage], folder) as (
        run,
        wandb,
    ):
        run.log(_content({}, page, wandb))


@contextmanager
def _run(
    cfg: DictConfig, name: str, group: str | None, kind: str, tags: list[str], folder: Path
) -> Iterator[tuple[Any, Any]]:
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    run = wandb.init(
        project=cfg.tracker.project,
        dir=str(folder),
        mode=cfg.tracker.mode,
        name=name,
        group=group,
        job_type=kind,
        tags=tags,
        config={**OmegaConf.to_container(cfg, resolve=True), "git_commit": commit()},  # type: ignore[dict-item]
        settings=wandb.Settings(console="off", x_disable_stats=True),
        reinit="finish_previous",
    )
    try:
        yield run, wandb
    finally:
        run.finish(exit_code=0)


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
    """Thumbnails as images; all else as it stands."""
    if name == "thumbnail":
        return [wandb.Image(str(directory / value)) if value else None for value in values]
    return values


def commit() -> str | None:
    """The project's git commit, where there is one and git to ask."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent, check=False
        )
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None
