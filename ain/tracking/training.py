"""Log training curves to W&B as they grow, from rank 0 only. A resumed training continues the same W&B run."""

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from ain.storage.files import replace_text
from ain.tracking.tracker import Tracker


def logger(tracker: Tracker, out: Path, described: dict[str, Any], rank: int) -> Any:
    """Return Lightning's logger, or None if tracking is disabled or another rank does it."""
    if tracker.mode == "disabled" or rank > 0:
        return None
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    folder = out / "wandb"
    folder.mkdir(exist_ok=True)
    name = folder / "id"  # random: a model that is deleted and trained again is another run
    if not name.exists():
        replace_text(name, secrets.token_hex(4))
    return WandbLogger(
        project=tracker.project,
        save_dir=str(folder),
        offline=tracker.mode == "offline",
        id=name.read_text(encoding="utf-8"),
        name=out.name,
        job_type="train",
        resume="allow",
        config=described,
        settings=wandb.Settings(console="off"),
    )


def table(made: Any, name: str, rows: list[dict[str, Any]], step: int) -> None:
    if rows:
        made.log_table(name, columns=list(rows[0]), data=[list(row.values()) for row in rows], step=step)


def finish(made: Any) -> None:
    """Close the W&B run, as failed if an exception is being handled."""
    if made is not None:
        made.experiment.finish(exit_code=int(sys.exc_info()[0] is not None))
