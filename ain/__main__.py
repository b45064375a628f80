"""`python -m ain`, and the command `ain`."""

import signal
import sys

from ain import UserError, __version__
from ain.cli import verbs
from ain.cli.help import asks_for_help, help_text


def main() -> None:
    words = sys.argv[1:]
    if words == ["--version"]:
        print(f"ain {__version__}")
    elif words and words[0] in verbs.VERBS:
        verbs.run(words)
    elif asks_for_help(words):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `ain --help | head` is no error
        try:
            print(help_text(words))
        except UserError as error:
            sys.exit(f"ain: {error}")
    else:
        from ain.cli.main import main as command  # Hydra takes its time to load

        command()


if __name__ == "__main__":
    main()
