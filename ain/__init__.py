"""ain: make an Arabic-inclusive multimodal model from English image-question data, and show whether it is one."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ain.cli.in_process import Run

__version__ = "0.2.0"


class UserError(Exception):
    """An error that the user can fix. Its text is one sentence that says what to change; it is shown without a traceback."""


class Unavailable(UserError):
    """Something is unavailable here: weights behind a network or a licence, a library, a key."""


def run(verb: str, words: Sequence[str] = ()) -> "Run":
    """Run one job in this process, as `ain VERB WORDS` does, and return what it left on disk: directories, counts and
    tables by stage. Raises UserError where the command would exit with its sentence. See docs/python.md.
    """
    from ain.cli.in_process import run as work  # Hydra takes its time to load

    return work(verb, words)
