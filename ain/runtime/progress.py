"""Progress bars on standard error, with speed and time left; a line a minute where there is no terminal."""

import sys
from typing import Any

from tqdm import tqdm


def progress(what: str, total: int | None = None, unit: str = "it") -> Any:
    """A tqdm bar on a terminal; in a log file a line every minute and one at the end."""
    watched = sys.stderr.isatty()
    return tqdm(
        desc=f"{what:>10}",
        total=total,
        unit=f" {unit}",
        file=sys.stderr,
        mininterval=0.2 if watched else 60,
        dynamic_ncols=watched,
        leave=True,
    )
