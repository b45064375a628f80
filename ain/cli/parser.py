"""Parse the words of a verb that is no stage: options as `--name value`, and `output_dir=DIR` as for stages."""

import argparse
from pathlib import Path
from typing import Any, NoReturn

from ain import UserError


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are a `UserError`, and that knows the verb's `output_dir`."""

    def __init__(self, verb: str, about: str, **more: Any) -> None:
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(prog=f"ain {verb}", description=about, allow_abbrev=False, formatter_class=formatter, **more)

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{self.prog.removeprefix('ain ')}: {message}; see {self.prog} --help")

    def read(self, words: list[str]) -> argparse.Namespace:
        """Return the arguments, with `output_dir` as a path. Raises UserError for what does not fit."""
        places = [word.partition("=")[2] for word in words if word.startswith("output_dir=")]
        found = self.parse_intermixed_args([word for word in words if not word.startswith("output_dir=")])
        found.output_dir = Path(places[-1] if places else "outputs")
        return found
