"""Show progress bars on standard error, with speed and remaining time."""

import sys
from typing import Any

from tqdm import tqdm


def progress(what: str, total: int | None = None, unit: str = "it") -> Any:
    """Return a tqdm bar. In a log file it writes one line a minute and one at the end."""
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
