"""Weights & Biases: one run a job, with the tables and figures that the report shows. Offline unless `tracker=online`."""

import os
import subprocess
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from ain import UserError
from ain.stage import read_manifest
from ain.tables import read_table


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
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    run = wandb.init(
        project=cfg.tracker.project,
        dir=str(folder),
        mode=cfg.tracker.mode,
        name=" ".join(job["overrides"]) or job["experiment"] or "quickstart",
        group=job["experiment"],
        job_type=job["stage"],
        tags=[job["job"], *([job["experiment"]] if job["experiment"] else [])],
        config={**OmegaConf.to_container(cfg, resolve=True), "git_commit": commit()},  # type: ignore[dict-item]
        settings=wandb.Settings(console="off", x_disable_stats=True),
        reinit="finish_previous",
    )
    try:
        run.log(_content(directories, page, wandb))
        run.summary.update({"headline": job["headline"], "choices": dict(HydraConfig.get().runtime.choices)})
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
                data = [list(row.values()) for row in rows]
                content[f"{name}/{path.stem}"] = wandb.Table(columns=list(rows[0]), data=data)
        for path in sorted((directory / "figures").glob("*.png")):
            content[f"{name}/{path.stem}"] = wandb.Image(str(path))
    return content


def commit() -> str | None:
    """The project's git commit, where there is one and git to ask."""
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=Path(__file__).parent, check=False
        )
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None
