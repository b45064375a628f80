"""Keep standard output for results only. Messages go to standard error, through the logger `ain`."""

import logging
import os
import sys
from typing import TextIO

from ain.runtime.printable import printable

log = logging.getLogger("ain")

_results: TextIO | None = None


class _Stderr(logging.Handler):
    """Write to the current standard error. Ranks and workers that import this module have the handler too."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"ain: {printable(record.getMessage())}", file=sys.stderr, flush=True)


if not log.handlers:
    log.addHandler(_Stderr())
    log.setLevel(logging.INFO)
    log.propagate = False  # Hydra's handlers would print it again


def results() -> TextIO:
    """Return our standard output. From now on, descriptor 1 goes to standard error, because libraries print."""
    global _results
    if _results is None:
        sys.stdout.flush()
        _results = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
    return _results
