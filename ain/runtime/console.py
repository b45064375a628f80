"""Standard output carries results only. What people read goes to standard error, through the logger `ain`."""

import logging
import os
import sys
from typing import TextIO

log = logging.getLogger("ain")

_results: TextIO | None = None


class _Stderr(logging.Handler):
    """Writes to whatever standard error is at the moment; ranks and workers that import this have it too."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"ain: {record.getMessage()}", file=sys.stderr, flush=True)


if not log.handlers:
    log.addHandler(_Stderr())
    log.setLevel(logging.INFO)
    log.propagate = False  # Hydra's handlers would say it again


def results() -> TextIO:
    """Our standard output. Descriptor 1 itself goes to standard error from now on, for libraries print."""
    global _results
    if _results is None:
        sys.stdout.flush()
        _results = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
    return _results
