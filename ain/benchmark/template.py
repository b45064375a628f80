"""Texts made of columns: "{hint}\\n{question}". A line whose columns are all empty is left out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import Any

from ain import UserError
from ain.text.lists import is_empty

_Parts = list[tuple[str, str | None]]  # (text before a column, column)


@dataclass(frozen=True)
class Template:
    """text: with columns in braces, and {{ for a brace. key: named in errors."""

    text: str
    key: str

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for line in self._lines for _, name in line if name))

    @cached_property
    def _lines(self) -> list[_Parts]:
        try:
            return [
                [(before, name) for before, name, _, _ in Formatter().parse(line)] for line in self.text.split("\n")
            ]
        except ValueError as error:
            raise UserError(f"{self.key}: no template ({error}); write columns in braces, as {{question}}") from None

    def filled(self, row: Mapping[str, Any]) -> str:
        lines = []
        for line in self._lines:
            names = [name for _, name in line if name]
            if not names or not all(is_empty(row.get(name)) for name in names):
                lines.append("".join(before + (shown(row.get(name)) if name else "") for before, name in line))
        return "\n".join(lines).strip()


def shown(value: Any) -> str:
    """Return a cell as text: nothing for an empty one, 3 for 3.0, the lines of a list."""
    if isinstance(value, list):
        return "\n".join(map(shown, value))
    if is_empty(value):
        return ""
    whole = isinstance(value, float) and math.isfinite(value) and value == int(value)
    return str(int(value) if whole else value).strip()
