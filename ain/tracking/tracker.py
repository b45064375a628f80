"""Define the config group `tracker`."""

import os
from dataclasses import dataclass
from typing import Any, Literal

from ain import UserError


class Unpublished(UserError):
    """W&B could not be reached, or refuses us. What was made is on disk."""


@dataclass(frozen=True)
class Tracker:
    """mode: offline writes files that `wandb sync` sends later; disabled writes none. project: the W&B project.

    upload: send the files of the stages' directories too; otherwise W&B gets references to them.
    """

    mode: Literal["offline", "online", "disabled"] = "offline"
    project: str = "ain"
    upload: bool = False

    def check(self) -> None:
        """Raise Unpublished if `online` is not logged in: before hours of work, not after them. Nothing is sent."""
        if self.mode == "online" and not _login():
            raise Unpublished(
                "tracker=online: not logged in; type wandb login, or set WANDB_API_KEY, or set tracker=offline and sync later"
            )


def _login() -> Any:
    """Return the login that W&B would use, from wherever it takes one."""
    wandb = library()
    from wandb.sdk.lib import wbauth  # wandb.login() would ask the server who this is

    try:
        host = wandb.setup().settings.base_url
        return wbauth.authenticate_session(host=host, source="ain", prompt=False, update_session=False)
    except wandb.Error as error:
        raise Unpublished(f"tracker=online: {error}") from None


def library() -> Any:
    """Return the module wandb, with its telemetry off: it would reach for the network in offline mode too.

    W&B's service process is not shared with a process that started this one: of a killed job it would hold the run.
    """
    os.environ["WANDB_ERROR_REPORTING"] = "false"
    os.environ["WANDB_DISABLE_WEAVE"] = "true"  # it advertises itself wherever openai is in use
    os.environ.pop("WANDB_SERVICE", None)
    import wandb

    return wandb
