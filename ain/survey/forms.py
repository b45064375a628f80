"""Read the answers that a form tool exported, by a map of its columns. A row is one participant; it is kept or rejected."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from ain import UserError
from ain.runtime.console import log
from ain.runtime.printable import one_line
from ain.storage import spreadsheets
from ain.storage.digests import digest
from ain.storage.files import given_text
from ain.storage.tables import write_table
from ain.survey.answers import Answers
from ain.survey.definition import Asked, Part, Survey, read_survey

SOURCE = "form"
_SAID = 10  # rejections that are printed; the table has them all
_LONGEST = 60  # characters of a cell in a reason


class Columns(Part):
    """The map. nationality, dialect: names of columns; questions: number from 1 → column; choices: how a cell begins →
    model; order: the models as the form showed them, if always the same; nationalities, dialects: cell → id."""

    nationality: str | None = None
    dialect: str | None = None
    questions: Annotated[dict[int, str], Field(min_length=1)]
    choices: dict[str, str] = Field(default_factory=dict)
    order: list[str] | None = None
    nationalities: dict[str, str] = Field(default_factory=dict)
    dialects: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True)
class Said:
    """What a row holds. about: nationality and dialect, where they are given; chosen: question → model."""

    about: dict[str, str]
    chosen: dict[int, str]


def import_form(folder: Path, file: Path, columns: Path) -> dict[str, int]:
    """Import a file and return the numbers of rows, of kept, repeated and rejected ones. Repeated rows count as kept. Raise
    UserError for a map that does not fit the survey or the file."""
    survey = read_survey(folder)
    wanted = read_columns(columns, survey)
    names = [*filter(None, (wanted.nationality, wanted.dialect)), *wanted.questions.values()]
    answers, counts, refused = Answers(folder, survey), Counter[str](), []
    seen = Counter[str]()
    for number, row in spreadsheets.rows(file, "FILE", "export of a form", names):
        counts["rows"] += 1
        said, reasons = _said(row, wanted, survey)
        if reasons:
            counts["rejected"] += 1
            refused.append({"row": number, "reasons": "; ".join(reasons)})
            continue
        # The same content is another participant within a file, and the same one in the next export of the form.
        same = digest([said.about, sorted(said.chosen.items())])
        seen[same] += 1
        counts["kept"] += 1
        new = answers.add(f"{SOURCE}:{same}:{seen[same]}", SOURCE, said.about, said.chosen, wanted.order)
        counts["repeated"] += not new
    answers.close()
    for one in refused[:_SAID]:
        log.info(f"{file}, row {one['row']}: rejected: {one['reasons']}")
    if refused:
        path = folder / f"rejected-{file.stem}.csv"
        write_table(path, refused)
        log.info(f"rejected rows with all reasons: {path}")
    return {name: counts[name] for name in ("rows", "kept", "repeated", "rejected")}


def read_columns(path: Path, survey: Survey) -> Columns:
    """Return the map. Raise UserError, naming its key, for what does not fit the survey."""
    try:
        made = Columns.model_validate(yaml.safe_load(given_text(path)))
    except yaml.YAMLError as error:
        raise UserError(f"{path}: broken YAML: {one_line(str(error))}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise UserError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; see docs/survey.md") from None
    for key, given, known in _names(made, survey):
        if wrong := next((one for one in given if one not in known), None):
            raise UserError(f"{path}: {key}: {wrong}: choose among {', '.join(map(str, known))}")
    if made.order and set(made.order) != set(survey.models):
        raise UserError(f"{path}: order: expected each of {', '.join(survey.models)}")
    return made


def _names(made: Columns, survey: Survey) -> Iterator[tuple[str, list[Any], list[Any]]]:
    """Yield key, what the map names there, and what the survey knows."""
    yield "questions", list(made.questions), list(range(1, len(survey.questions) + 1))
    yield "choices", list(made.choices.values()), survey.models
    yield "order", made.order or [], survey.models
    yield "nationalities", list(made.nationalities.values()), survey.nationality.ids
    yield "dialects", list(made.dialects.values()), survey.dialect.ids


def _said(row: dict[str, Any], columns: Columns, survey: Survey) -> tuple[Said, list[str]]:
    """Return what the row says, and all reasons to reject it. An empty cell is an answer that was not given."""
    said, reasons = Said({}, {}), []
    for what, asked, alike in (
        ("nationality", survey.nationality, columns.nationalities),
        ("dialect", survey.dialect, columns.dialects),
    ):
        cell = _cell(row, getattr(columns, what))
        if cell and (found := _choice(cell, asked, alike)):
            said.about[what] = found
        elif cell:
            reasons.append(f"{what}: {_short(cell)} is no choice of the survey")
    for number, column in columns.questions.items():
        cell = _cell(row, column)
        if cell and (model := _model(cell, survey, number, columns.choices)):
            said.chosen[number] = model
        elif cell:
            reasons.append(f"question {number}: {_short(cell)} is no answer of the survey")
    if not said.chosen and not reasons:
        reasons.append("no question is answered")
    return said, reasons


def _cell(row: dict[str, Any], column: str | None) -> str:
    value = row.get(column) if column else None
    return "" if value is None else " ".join(str(value).split())


def _choice(cell: str, asked: Asked, alike: Mapping[str, str]) -> str | None:
    known = {choice.text: choice.id for choice in asked.choices} | {choice.id: choice.id for choice in asked.choices}
    return (known | dict(alike)).get(cell)


def _model(cell: str, survey: Survey, number: int, choices: Mapping[str, str]) -> str | None:
    """Return the model that a cell names: by how the map says that it begins, else by its answer, if no other gave that."""
    for start in sorted(choices, key=len, reverse=True):
        if cell.startswith(start) and not cell[len(start) : len(start) + 1].isalnum():
            return choices[start]
    answers = survey.questions[number - 1].answers
    same = [model for model, answer in answers.items() if " ".join(answer.text.split()) == cell]
    return same[0] if len(same) == 1 else None


def _short(cell: str) -> str:
    shown = one_line(cell)
    return f"“{shown[:_LONGEST]}{'…' * (len(shown) > _LONGEST)}”"
