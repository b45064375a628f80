"""Standard output carries results only; what libraries print goes to standard error."""

import os
import sys
from typing import TextIO

_results: TextIO | None = None


def results() -> TextIO:
    """Our standard output. Descriptor 1 itself goes to standard error from now on, for libraries print."""
    global _results
    if _results is None:
        sys.stdout.flush()
        _results = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
    return _results
