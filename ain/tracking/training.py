"""Training's live curves in W&B, from the first rank alone. A run that is taken up again goes on in the same W&B run."""

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from ain.storage.files import replace_text
from ain.tracking.tracker import Tracker


def logger(tracker: Tracker, out: Path, described: dict[str, Any], rank: int) -> Any:
    """Lightning's logger; None where nothing is to be tracked or another rank does it."""
    if tracker.mode == "disabled" or rank > 0:
        return None
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb
    from pytorch_lightning.loggers import WandbLogger

    folder = out / "wandb"
    folder.mkdir(exist_ok=True)
    name = folder / "id"  # by chance: one that was deleted and trained again is another run
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
    """The run is over for W&B, well or ill, as the exception that is under way says."""
    if made is not None:
        made.experiment.finish(exit_code=int(sys.exc_info()[0] is not None))
