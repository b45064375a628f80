"""`python -m ain`, and the command `ain`."""

from ain.cli.main import main

if __name__ == "__main__":
    main()
