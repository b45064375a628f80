"""Show single questions with the answers of all models side by side (Figs. 4 and 5 of the paper): on the page and as a figure."""

import textwrap
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from ain.metrics.outcomes import RIGHT, outcome
from ain.report.figures import BAD, GOOD, INK, inline, saved
from ain.report.questions import Evaluation, Question
from ain.report.texts import bare
from ain.storage.images import decode, mime, png
from ain.text.languages import LANGUAGES, right_to_left

DRAWN = 9  # questions, if none are chosen
FIGURE = 12  # questions of the figure
TINY = 160  # pixels: smaller images are not smoothed
_LONGEST = 20  # characters of a model's name
_LINE, _LINES, _HEIGHT = 74, 5, 0.19  # characters of a line, lines of a text, inches of a line
_WIDE, _IMAGE, _NAME = 10.0, 1.7, 1.5  # inches: the figure, an image, the column of models


def chosen(evaluation: Evaluation, ids: list[str], asked: list[str]) -> list[dict[str, Any]]:
    """Return the questions asked for by id, or some drawn ones. ids: of the evaluation's questions; asked: of any records."""
    known = set(ids)
    wanted = [name for name in asked if name in known] or Random(1).sample(ids, min(DRAWN, len(ids)))
    found: dict[str, Question] = {}
    for question in evaluation.find(wanted):
        found.setdefault(question.id, question)  # under the first condition: with its own images, unless there are none
    stored = evaluation.images(sha for question in found.values() for sha in question.row["shown"])
    return [
        _shown(found[name], [stored[sha].bytes for sha in found[name].row["shown"] if sha in stored]) for name in wanted
    ]


def _shown(question: Question, images: list[bytes]) -> dict[str, Any]:
    return {
        "id": question.id,
        "question": bare(question.row["question"]),
        "label": " / ".join(question.row["labels"]) or "(no label)",
        "language": LANGUAGES.get(question.row["language"]),
        "images": images,
        "pages": [_uri(data) for data in images],
        "answers": [
            {"model": model, "text": bare(answer["prediction"]), "outcome": outcome(answer)}
            for model, answer in question.answers.items()
        ],
    }


def _uri(data: bytes) -> str:
    """Return an image for a page, which embeds its images. Browsers cannot show TIFF."""
    return inline(png(decode(data))) if mime(data) == "tiff" else inline(data, mime(data))


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw questions, each with its image beside it, its label, and the answers of all models; right ones are green. What
    belongs to a question in a right-to-left language stands on the right."""
    cards = [_lines(row) for row in rows[:FIGURE]]
    images = [decode(row["images"][0]) if row["images"] else None for row in rows[:FIGURE]]
    heights = [
        max(image.height * _IMAGE / max(image.size) if image else 0, _HEIGHT * sum(len(text) for _, text, *_ in card))
        + 0.3
        for card, image in zip(cards, images, strict=True)
    ]
    drawing, top = plt.figure(figsize=(_WIDE, sum(heights))), sum(heights)
    for row, card, image, height in zip(rows, cards, images, heights, strict=False):
        if image:
            wide, high = (side * _IMAGE / max(image.size) for side in image.size)
            axes = drawing.add_axes((0, (top - high) / sum(heights), wide / _WIDE, high / sum(heights)))
            axes.imshow(np.asarray(image), aspect="auto", interpolation="nearest" if max(image.size) < TINY else None)
            axes.axis("off")
        _write(drawing, card, bool(row["language"] and row["language"].right_to_left), top, sum(heights))
        top -= height
    saved(drawing, path)


def _lines(row: dict[str, Any]) -> list[tuple[str, list[str], str, str]]:
    """Return what stands beside an image: (name, lines of text, colour, weight)."""
    made = [("question", row["question"], INK, "bold"), ("label", row["label"], INK, "normal")]
    for answer in row["answers"]:
        mark, colour = ("✓", GOOD) if answer["outcome"] == RIGHT else ("✗", BAD)
        name = answer["model"] if len(answer["model"]) <= _LONGEST else f"{answer['model'][:_LONGEST]}…"
        made.append((f"{mark} {name}", answer["text"] or f"({answer['outcome']})", colour, "normal"))
    return [(name, _wrapped(text), colour, weight) for name, text, colour, weight in made]


def _wrapped(text: str) -> list[str]:
    """Return a text in lines. Each line of a right-to-left text begins with a mark that says so, as it may begin in Latin."""
    mark = "\N{RIGHT-TO-LEFT MARK}" if right_to_left(text) else ""
    return [mark + line for line in textwrap.wrap(text, _LINE, max_lines=_LINES, placeholder=" …") or [""]]


def _write(drawing: Any, card: list[tuple[str, list[str], str, str]], right: bool, top: float, whole: float) -> None:
    names, texts, side = (_WIDE, _WIDE - _NAME, "right") if right else (_IMAGE + 0.2, _IMAGE + 0.2 + _NAME, "left")
    y = top
    for name, lines, colour, weight in card:
        style = {"ha": side, "color": colour, "parse_math": False}
        drawing.text(names / _WIDE, (y - 0.13) / whole, name, **style)
        for line in lines:
            drawing.text(texts / _WIDE, (y - 0.13) / whole, line, weight=weight, **style)
            y -= _HEIGHT
