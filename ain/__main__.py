"""`python -m ain`, and the command `ain`."""

import signal
import sys

from ain import UserError, __version__
from ain.cli import reproduce_all, verbs
from ain.cli.help import asks_for_help, help_text


def main() -> None:
    words = sys.argv[1:]
    if words == ["--version"]:
        print(f"ain {__version__}")
    elif words and words[0] in verbs.VERBS:
        _end_with_reader()
        verbs.run(words)
    elif reproduce_all.asks_for_all(words) and not asks_for_help(words):
        verbs.guarded(reproduce_all.main, words[1:])
    elif asks_for_help(words):
        _end_with_reader()
        try:
            print(help_text(words))
        except UserError as error:
            sys.exit(f"ain: {error}")
    else:
        from ain.cli.main import main as command  # Hydra takes its time to load

        command()


def _end_with_reader() -> None:
    """End when nobody reads the output any more: `ain --help | head` is no error."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


if __name__ == "__main__":
    main()
