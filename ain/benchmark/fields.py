"""Read a row of a table: which columns hold the question, its options and its right answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from pydantic import ConfigDict

from ain.benchmark.template import Template, shown
from ain.text.lists import is_empty, letter_index, parsed, without_letters

Columns = str | tuple[str, ...]
_TEMPLATES = ("question", "id", "group")


class Unusable(Exception):
    """A row cannot be asked. The message is the reason."""


@dataclass(frozen=True)
class From:
    """A value from a column. names: what stands in the column → what it is called here. part: a name may also be a part of
    what stands there. other: for what no name fits; null: what stands there."""

    column: str
    names: dict[str, str] = field(default_factory=dict)
    part: bool = False
    other: str | None = None

    __pydantic_config__ = ConfigDict(extra="forbid")

    def of(self, row: Mapping[str, Any]) -> str:
        value = shown(row.get(self.column))
        if value in self.names:
            return self.names[value]
        within = (name for key, name in self.names.items() if self.part and key in value)
        return next(within, value if self.other is None else self.other)


Value = str | From  # a fixed text, or a column's


def value_of(value: Value, row: Mapping[str, Any]) -> str:
    return value.of(row) if isinstance(value, From) else value


@dataclass(frozen=True)
class Fields:
    """question, id, group: templates over columns, id also over {row}, the row's number. group: equal for questions that a metric
    takes together; none: each stands alone. options: a column that holds all of them,
    as a list or as text, or a column for each; those that a data set lacks are empty. labels: columns of right answers; none:
    not labelled. label: `index0`, `index1`: a label is an option's number and becomes its letter; `flags`: a list
    says of each option whether it is right. encoded: a label's text in
    brackets is a list. separator: between options in one text. images: columns of images or of lists of them. inline: images
    stand where the text names them. domain, kind, language: fixed, or from a column.
    """

    question: str = "{question}"
    id: str = "{row}"
    group: str = ""
    options: Columns = ()
    labels: Columns = ()
    label: Literal["answer", "index0", "index1", "flags"] = "answer"
    encoded: bool = False
    separator: str | None = None
    images: Columns = ()
    inline: bool = False
    domain: Value = "general"
    kind: Value = "question"
    language: Value = "ar"

    __pydantic_config__ = ConfigDict(extra="forbid")

    @cached_property
    def templates(self) -> tuple[Template, Template, Template]:
        question, identifier, group = (Template(getattr(self, name), f"benchmark.fields.{name}") for name in _TEMPLATES)
        return question, identifier, group

    def columns(self) -> dict[str, tuple[str, ...]]:
        """Return field → its columns, in the order of their use."""
        question, identifier, group = self.templates
        made = {
            "question": question.columns,
            "id": tuple(name for name in identifier.columns if name != "row"),
            "group": group.columns,
            **{name: tuple(several(getattr(self, name))) for name in ("options", "labels", "images")},
        }
        values = {name: getattr(self, name) for name in ("domain", "kind", "language")}
        return made | {name: (value.column,) for name, value in values.items() if isinstance(value, From)}

    def optional(self) -> list[str]:
        """Return the fields whose column a data set may lack: they have another value for what no name fits."""
        values = {name: getattr(self, name) for name in ("domain", "kind", "language")}
        return [name for name, value in values.items() if isinstance(value, From) and value.other is not None]

    def asked(self, row: Mapping[str, Any]) -> str:
        """Return the question. Raise Unusable if it is missing."""
        if text := self.templates[0].filled(row):
            return text
        raise Unusable(f"no {' or '.join(self.templates[0].columns)}")

    def named(self, row: Mapping[str, Any], number: int) -> str:
        return self.templates[1].filled({**row, "row": number}) or str(number)

    def grouped(self, row: Mapping[str, Any], identifier: str) -> str:
        return self.templates[2].filled(row) or identifier

    def offered(self, row: Mapping[str, Any]) -> list[str]:
        """Return the options. Between others, an empty one stays in its place, so that letters keep their meaning."""
        if isinstance(self.options, tuple):
            made = [shown(row.get(name)) for name in self.options]
        else:
            made = self._listed(row.get(self.options), self.options, encoded=True)
        while made and not made[-1]:
            made.pop()
        return without_letters(made)

    def right(self, row: Mapping[str, Any], options: Sequence[str], letter: Any) -> tuple[str, ...]:
        """Return all right answers without repetitions. letter: number of an option → its letter."""
        found = [
            label
            for name in several(self.labels)
            for label in self._listed(row.get(name), name, self.encoded and _has_brackets(row.get(name)))
            if label
        ]
        if self.label == "flags":
            found = [letter(i) for i, flag in enumerate(found) if flag.lower() in ("true", "1")]
        elif self.label != "answer":
            found = [letter(self._index(label, options)) for label in found]
        return tuple(dict.fromkeys(found))

    def _index(self, label: str, options: Sequence[str]) -> int:
        first = int(self.label == "index1")
        if not label.isdecimal() or not first <= int(label) < len(options) + first:
            raise Unusable(f"the label {label[:40]} names none of {len(options)} options")
        return int(label) - first

    def _listed(self, value: Any, name: str, encoded: bool) -> list[str]:
        if isinstance(value, list):
            return [shown(one) for one in value]
        if is_empty(value):
            return []
        if not encoded or not isinstance(value, str):
            return [shown(value)]
        try:
            return parsed(value, self.separator)
        except ValueError as error:
            raise Unusable(f"{name}: {error}") from None


def several(columns: Columns) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else columns


def answer_shown(labels: Sequence[str], options: Sequence[str], letter: Any) -> str:
    """Return a right answer as a model is to give it: the letter before the option, or the label."""
    index = letter_index(labels[0]) if options else None
    if options and index is None and labels[0] in options:
        index = list(options).index(labels[0])
    return labels[0] if index is None else str(letter(index))


def _has_brackets(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip().startswith(("[", "("))
