"""Show progress bars on standard error, with speed and remaining time."""

import sys
from typing import Any
from weakref import WeakSet

from tqdm import tqdm

_bars: "WeakSet[Any]" = WeakSet()
_counter: Any = None  # of a process that shows no bars


class _Counted(tqdm):  # type: ignore[type-arg]
    """A bar that is not shown: its steps are added to a counter that another process shows."""

    def __init__(self) -> None:
        super().__init__(disable=True)

    def update(self, n: float | None = 1) -> None:  # type: ignore[override]
        with _counter.get_lock():
            _counter.value += n


def count_into(counter: Any) -> None:
    """From now on, add the steps of this process's bars to a `multiprocessing.Value` instead of showing them."""
    global _counter
    _counter = counter


def progress(what: str, total: int | None = None, unit: str = "it") -> Any:
    """Return a tqdm bar. In a log file it writes one line a minute and one at the end."""
    if _counter is not None:
        return _Counted()
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
