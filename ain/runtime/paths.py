"""Where the project's own files are: in a checkout at its top, in an installed wheel inside the package."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
ROOT = _PACKAGE.parent
INSTALLED = (_PACKAGE / "conf").is_dir()

CONF = (_PACKAGE if INSTALLED else ROOT) / "conf"
EXPERIMENTS = CONF / "experiment" if INSTALLED else ROOT / "experiments"
PAPER = EXPERIMENTS / "paper"  # what the papers print


def install_hint(extra: str) -> str:
    """What to type for the libraries of an extra."""
    return f"pip install 'ain-arabic-vlm[{extra}]'" if INSTALLED else f"pip install -e '.[{extra}]'"
