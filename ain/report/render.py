"""Render pages from templates, as HTML with embedded images and as Markdown.

A page extends `base.html`; `macros.html` has what pages share: figures, tables, bars, texts.
"""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ain.metrics.outcomes import outcome
from ain.report import figures, headline, texts
from ain.storage.files import replace_text

TEMPLATES = Path(__file__).parent / "templates"
FILTERS = {
    "bare": texts.bare,
    "cell": texts.cell,
    "commas": lambda value: f"{value:,}",
    "isolated": texts.isolated,
    "number": lambda value: "" if value is None else headline.number(value),
    "numbers": lambda rows, name: [row[name] for row in rows if type(row[name]) in (int, float)],
    "outcome": outcome,
    "value": texts.value,
    "width": figures.width,
}


@cache
def environment() -> Environment:
    """Return the templates, each compiled once a process."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters |= FILTERS
    return made


def render(
    where: Path, template: str, page: dict[str, Any], name: str = "index", suffixes: tuple[str, ...] = ("html", "md")
) -> None:
    where.mkdir(parents=True, exist_ok=True)
    for suffix in suffixes:
        replace_text(where / f"{name}.{suffix}", environment().get_template(f"{template}.{suffix}").render(**page))


def _shown(value: Any) -> Any:
    """Return an empty text for None."""
    return "" if value is None else value
