"""Show progress bars on standard error, with speed and remaining time."""

import sys
from typing import Any
from weakref import WeakSet

from tqdm import tqdm

_bars: "WeakSet[Any]" = WeakSet()


def progress(what: str, total: int | None = None, unit: str = "it") -> Any:
    """Return a tqdm bar. In a log file it writes one line a minute and one at the end."""
    watched = sys.stderr.isatty()
    bar = tqdm(
        desc=f"{what:>10}",
        total=total,
        unit=f" {unit}",
        file=sys.stderr,
        mininterval=0.2 if watched else 60,
        dynamic_ncols=watched,
        leave=True,
    )
    _bars.add(bar)
    return bar


def note(text: str) -> None:
    """Show the text behind the open bars, for something that holds them up; an empty text removes it."""
    for bar in list(_bars):
        bar.set_postfix_str(text, refresh=sys.stderr.isatty())
