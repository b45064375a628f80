"""Draw the figures of a survey (Figs. 6 to 12 of the paper): its questions, and who chose what."""

import itertools
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from ain.report.figures import ACCENT, GREY, INK, OTHERS, inline, saved
from ain.report.qualitative import figure as cards
from ain.storage.tables import Table
from ain.survey.definition import IMAGES, Survey
from ain.text.languages import LANGUAGES, right_to_left

PANELS = 4  # questions of a figure, as in the paper
_WRAP, _LINES = 38, 3  # characters of a question's line, and lines


def questions(survey: Survey, folder: Path, path: Path) -> str:
    """Draw the first twelve questions with their images, ground truths and answers (Fig. 6)."""
    outcomes = {True: "right", False: "wrong", None: "no label"}
    rows = [
        {
            "question": question.text,
            "label": question.truth,
            "language": LANGUAGES.get(question.language),
            "images": [(folder / IMAGES / image.file).read_bytes() for image in question.images],
            "answers": [
                {
                    "model": model,
                    "text": question.answers[model].text,
                    "outcome": outcomes[question.answers[model].right] if question.answers[model].text else "no answer",
                }
                for model in survey.models
            ],
        }
        for question in survey.questions
    ]
    cards(rows, path)
    return inline(path.read_bytes())


def shares(rows: Table, name: str, path: Path) -> str:
    """Draw percentages with intervals as bars, and the paper's as hollow marks. name: the column with the bars' names."""
    figure, axes = plt.subplots(figsize=(7, 0.34 * len(rows) + 0.7))
    _bars(axes, rows, [str(row[name]) for row in rows], itertools.repeat(ACCENT))
    marks = [(row["paper, %"], y) for y, row in enumerate(rows) if row.get("paper, %") is not None]
    if marks:
        at, places = zip(*marks, strict=True)
        axes.scatter(at, places, s=34, facecolor="white", edgecolor=INK, zorder=3, label="the paper")
        axes.legend(frameon=False, loc="lower right")
    axes.set(xlabel="% of participants", xlim=(0, 100))
    return saved(figure, path)


def votes(rows: Table, paper: dict[str, float], path: Path) -> str:
    """Draw the models' shares of choices, beside the paper's for its own models (Fig. 8)."""
    height = 0.36 * max(len(rows), len(paper)) + 0.9
    figure, (ours, theirs) = plt.subplots(1, 2, figsize=(8.4, height))
    _bars(ours, rows, [row["model"] for row in rows], _colours())
    theirs.barh(range(len(paper)), paper.values(), color="white", edgecolor=INK)
    theirs.set(yticks=range(len(paper)), yticklabels=paper)
    theirs.invert_yaxis()
    for axes, title in ((ours, "here, % of choices"), (theirs, "the paper, % of votes")):
        axes.set(title=title, xlim=(0, 100))
    figure.tight_layout()
    return saved(figure, path)


def distributions(survey: Survey, rows: Table, folder: Path) -> dict[str, str]:
    """Draw who chose what, question by question, four in a figure (Figs. 10 to 12). Return name → figure."""
    made = {}
    for number, start in enumerate(range(0, len(survey.questions), PANELS)):
        here = range(start, min(start + PANELS, len(survey.questions)))
        lines = (len(here) + 1) // 2
        wide = {"nrows": lines, "ncols": min(2, len(here)), "squeeze": False}
        figure, panels = plt.subplots(figsize=(8.4, (0.32 * len(survey.models) + 1.5) * lines), **wide)  # type: ignore[call-overload]
        for axes in panels.flat[len(here) :]:
            axes.axis("off")
        for axes, place in zip(panels.flat, here, strict=False):
            of = [row for row in rows if row["question"] == place + 1]
            names = [f"{row['model']} ✓" if row["right"] else row["model"] for row in of]
            _bars(axes, of, names, _colours())
            axes.set(xlim=(0, 100))
            _titled(axes, place + 1, survey.questions[place].text)
        figure.tight_layout()
        name = f"fig{10 + number}"
        made[name] = saved(figure, folder / f"{name}.png")
    return made


def _bars(axes: Any, rows: Table, names: Sequence[str], colours: Any) -> None:
    values, low, high = ([row[key] or 0.0 for row in rows] for key in ("percent", "low", "high"))
    errors = [np.subtract(values, low), np.subtract(high, values)]
    line = {"ecolor": INK, "elinewidth": 0.8}
    axes.barh(range(len(rows)), values, xerr=errors, error_kw=line, color=list(itertools.islice(colours, len(rows))))
    axes.set_yticks(range(len(rows)), names, parse_math=False)
    axes.tick_params(axis="y", length=0)
    axes.spines["bottom"].set_color(GREY)
    axes.invert_yaxis()


def _titled(axes: Any, number: int, text: str) -> None:
    """Put a question above its bars, from the right if its language runs so. Its options and instructions are left out."""
    side, place = ("right", 1.0) if right_to_left(text) else ("left", 0.0)
    mark = "\N{RIGHT-TO-LEFT MARK}" if side == "right" else ""
    first = next((line for line in text.splitlines() if line.strip()), "")
    lines = [mark + line for line in textwrap.wrap(first, _WRAP, max_lines=_LINES, placeholder=" …")]
    style = {"ha": side, "va": "bottom", "transform": axes.transAxes, "parse_math": False}
    axes.text(place, 1.04, "\n".join(lines), multialignment=side, **style)
    axes.set_ylabel(f"Q{number}", rotation=0, ha="right", va="bottom", y=1.02, weight="bold")


def _colours() -> Any:
    return itertools.cycle((ACCENT, *OTHERS))
