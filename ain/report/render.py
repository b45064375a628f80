"""Render pages from templates, as HTML with embedded images and as Markdown."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ain.storage.files import replace_text

TEMPLATES = Path(__file__).parent / "templates"


def render(
    where: Path, template: str, page: dict[str, Any], name: str = "index", suffixes: tuple[str, ...] = ("html", "md")
) -> None:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters["commas"] = lambda value: f"{value:,}"
    environment.filters["number"] = _number
    environment.filters["cell"] = lambda value: str(_shown(value)).replace("|", "\\|").replace("\n", " ")
    where.mkdir(parents=True, exist_ok=True)
    for suffix in suffixes:
        replace_text(where / f"{name}.{suffix}", environment.get_template(f"{template}.{suffix}").render(**page))


def _number(value: Any) -> str:
    """Return a count as it is, a percentage with one decimal, and a dash for None."""
    return "–" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.1f}"


def _shown(value: Any) -> Any:
    """Return an empty text for None."""
    return "" if value is None else value
