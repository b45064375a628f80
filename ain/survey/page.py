"""Write the report of a survey: a page, its figures, and its tables as CSV."""

from pathlib import Path
from typing import Any

from ain import UserError
from ain.report.paper import load
from ain.report.render import render
from ain.storage.tables import Table, write_table
from ain.survey import figures
from ain.survey.answers import Answers
from ain.survey.definition import DATABASE, Survey, read_survey
from ain.survey.results import Results, balance, reported


def write_report(folder: Path) -> Path:
    """Write the report of the survey in a folder and return its page. Raise UserError if nobody has answered yet."""
    survey = read_survey(folder)
    if not (folder / DATABASE).exists():
        raise UserError(f"{folder}: nobody has answered yet; serve it with: ain survey serve {folder}")
    answers = Answers(folder, survey)
    results = Results(survey, answers.participants(), answers.given())
    answers.close()
    if not results.given:
        raise UserError(f"{folder}: nobody has answered a question yet; serve it with: ain survey serve {folder}")
    where = folder / "report"
    tables = _tables(results)
    for name, rows in tables.items():
        write_table(where / "tables" / f"{name}.csv", rows)
    page = {
        "survey": survey,
        "counts": results.counts,
        "tables": tables,
        "figures": _figures(survey, folder, tables),
        "alpha": results.agreement(),
        "balance": balance(tables["places"]),
        "paper": {figure: reported(figure) for figure in ("fig8", "fig10_12")},
        "measured_on": load("ain/fig8").data,
        "same": _same(survey),
    }
    render(where, "survey", page, suffixes=("html",))
    return where / "index.html"


def _tables(results: Results) -> dict[str, Table]:
    return {
        "preferences": results.preferences(),
        "questions": results.by_question(),
        "wrong": results.wrong(),
        "nationalities": results.nationalities(),
        "dialects": results.dialects(),
        "places": results.places(),
        "answers": results.answers(),
    }


def _figures(survey: Survey, folder: Path, tables: dict[str, Table]) -> dict[str, Any]:
    where = folder / "report" / "figures"
    return {
        "fig6": figures.questions(survey, folder, where / "fig6.png"),
        "fig7": figures.shares(tables["nationalities"], "nationality", where / "fig7.png"),
        "fig8": figures.votes(tables["preferences"], reported("fig8"), where / "fig8.png"),
        "fig9": figures.shares(tables["dialects"], "dialect", where / "fig9.png"),
        "distributions": figures.distributions(survey, tables["questions"], where),
    }


def _same(survey: Survey) -> int:
    """Return how many questions have two models with one answer: a choice between them says nothing."""
    texts = [[answer.text.strip() for answer in question.answers.values()] for question in survey.questions]
    return sum(len(set(of)) < len(of) for of in texts)
