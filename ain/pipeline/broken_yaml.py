"""Say in one sentence what is wrong with a YAML file, and where."""

from pathlib import Path

import yaml


def broken_yaml(error: yaml.YAMLError, file: str | None = None) -> str:
    """Return it in the words of PyYAML's own parser: libyaml, which may have read the file, says less of where and why.
    file: if the error does not name it."""
    file = file or getattr(_mark(error), "name", None) or str(getattr(error, "name", "a file"))
    try:
        yaml.compose(Path(file).read_text(encoding="utf-8"), Loader=yaml.loader.SafeLoader)
    except yaml.YAMLError as found:
        error = found
    except (OSError, ValueError):  # it was not read from a file
        pass
    line = getattr(_mark(error), "line", None)
    why = getattr(error, "problem", None) or " ".join(str(error).split())
    return f"{file}{'' if line is None else f', line {line + 1}'}: broken YAML ({why}); correct the file"


def _mark(error: yaml.YAMLError) -> yaml.Mark | None:
    return getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
