"""Locate the project's own files: at the top of a checkout, or inside the package of an installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
ROOT = _PACKAGE.parent
INSTALLED = (_PACKAGE / "conf").is_dir()

CONF = (_PACKAGE if INSTALLED else ROOT) / "conf"
EXPERIMENTS = CONF / "experiment" if INSTALLED else ROOT / "experiments"
PAPER = EXPERIMENTS / "paper"  # numbers printed in the papers


def install_hint(extra: str) -> str:
    """Return the command that installs the libraries of an extra."""
    return f"pip install 'ain-arabic-vlm[{extra}]'" if INSTALLED else f"pip install -e '.[{extra}]'"
