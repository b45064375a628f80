"""`python -m ain`, and the command `ain`."""

import sys

from ain import __version__


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        print(f"ain {__version__}")
        return
    from ain.cli.main import main as command  # Hydra takes its time to load

    command()


if __name__ == "__main__":
    main()
