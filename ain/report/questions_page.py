"""Write the page that browses all questions of a job's evaluations. It needs no server and works from a disk.

    questions/index.html        filters, a summary, and a few questions for readers without JavaScript
    questions/data/index.js     of every question what filters need: numbers of names, and a letter for each model's outcome
    questions/data/0000.js ...  texts and answers of CHUNK questions each, loaded when they are to be seen
    questions/images/           the images, each once
    tables/questions.csv        the first ROWS questions of a benchmark as a table, for W&B

Texts are data, never markup: scripts set them as texts of elements.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ain.metrics.outcomes import RIGHT, UNLABELLED, outcome, why
from ain.report.questions import Evaluation, Question, Stored
from ain.report.questions_index import Index
from ain.report.render import TEMPLATES, render
from ain.report.texts import bare, direction, pieces
from ain.storage.files import replace_bytes, replace_text
from ain.storage.images import decode, png, suffix
from ain.storage.tables import Table, write_table
from ain.text.languages import LANGUAGES, Language

CHUNK = 100  # questions of a file
STATIC = 20  # questions on the page itself
LONGEST = 4_000  # characters of a text; `ain show` prints it whole
ROWS = 10_000  # of a table: W&B shows no more


class QuestionsPage:
    """The page beside a job's page, which `where` is the directory of."""

    def __init__(self, where: Path, models: list[str]) -> None:
        self.where, self.folder, self.models = where, where / "questions", models
        self._index = Index(models)
        self._chunk: list[dict[str, Any]] = []
        self._static: list[dict[str, Any]] = []
        self._files: dict[str, str] = {}  # sha256 → the image's file

    def add(self, evaluation: Evaluation, table: str) -> None:
        """Add all questions of a benchmark. table: the name of its table."""
        rows: Table = []
        for questions in evaluation.shards():
            stored = evaluation.images(sha for question in questions for sha in question.row["shown"])
            for question in questions:
                images = [self._image(sha, stored[sha]) for sha in question.row["shown"] if sha in stored]
                self._add(question, images)
                if len(rows) < ROWS:
                    rows.append(_row(question, evaluation.models, images))
        write_table(self.where / "tables" / f"{table}.csv", rows)

    def finish(self) -> int:
        """Write the index and the page. Return how many questions it has."""
        self._write_chunk()
        index, count = self._index.data(CHUNK), len(self._index)
        self._script("index", f"ain.index({_json(index)});\n")
        replace_bytes(self.folder / "questions.js", (TEMPLATES / "questions.js").read_bytes())
        page = {"index": index, "count": count, "summary": self._index.summary(), "questions": self._static}
        render(self.folder, "questions", page, suffixes=("html",))
        return count

    def _add(self, question: Question, images: list[dict[str, Any]]) -> None:
        self._index.add(question)
        failed = {outcome(answer) for answer in question.answers.values()} - {RIGHT, UNLABELLED}
        if failed and len(self._static) < STATIC:
            language = LANGUAGES.get(question.row["language"])
            self._static.append({"question": question, "language": language, "images": images})
        self._chunk.append(_written(question, self.models, images))
        if len(self._chunk) == CHUNK:
            self._write_chunk()

    def _write_chunk(self) -> None:
        if self._chunk:
            number = (len(self._index) - 1) // CHUNK
            self._script(f"{number:04d}", f"ain.chunk({number}, {_json(self._chunk)});\n")
            self._chunk = []

    def _script(self, name: str, text: str) -> None:
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        replace_text(self.folder / "data" / f"{name}.js", text)

    def _image(self, sha: str, image: Stored) -> dict[str, Any]:
        """Write the image, if that is not done, and return its file and size. Browsers cannot show TIFF."""
        if sha not in self._files:
            kind = suffix(image.bytes)
            data, kind = (png(decode(image.bytes)), "png") if kind == "tiff" else (image.bytes, kind)
            self._files[sha] = f"{sha[:32]}.{kind}"
            (self.folder / "images").mkdir(parents=True, exist_ok=True)
            replace_bytes(self.folder / "images" / self._files[sha], data)
        return {"file": self._files[sha], "width": image.width, "height": image.height}


def write_questions(evaluations: list[Evaluation], where: Path) -> int:
    """Write the page of all evaluations of a job, and a table for each. Return the number of questions."""
    page = QuestionsPage(where, list(dict.fromkeys(model for one in evaluations for model in one.models)))
    for number, one in enumerate(evaluations):
        page.add(one, f"questions-{number}" if len(evaluations) > 1 else "questions")
    return page.finish() if evaluations else 0


def _written(question: Question, models: list[str], images: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a question as its chunk has it."""
    row, language = question.row, LANGUAGES.get(question.row["language"])
    return {
        "id": question.id,
        "question": _text(bare(row["question"]), language),
        "options": [_text(option, language) for option in row["options"]],
        "labels": [_text(label, language) for label in row["labels"]],
        "images": [[image["file"], image["width"], image["height"]] for image in images],
        "answers": [
            _answer(question.answers[model], language) if model in question.answers else None for model in models
        ],
    }


def _answer(answer: dict[str, Any], language: Language | None) -> dict[str, Any]:
    made = {
        "text": _text(bare(answer["prediction"]), language) if answer["prediction"] else None,
        "read": _text(answer["parsed"], language) if answer["parsed"] is not None else None,
        "why": why(answer) or None,
        "scores": {name: round(score, 3) for name, score in answer["scores"].items()},
        "ended": ended(answer),
    }
    return {key: value for key, value in made.items() if value is not None}


def ended(answer: dict[str, Any]) -> str:
    """Return how an answer ended, with its tokens and seconds if they are known."""
    tokens, seconds = answer["answer_tokens"], answer["seconds"]
    known = ["" if tokens is None else f"{tokens:,} tokens", "" if seconds is None else f"{seconds:.2g} s"]
    return ", ".join([str(answer["finish"]), *filter(None, known)])


def _row(question: Question, models: Iterable[str], images: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a question as a row of the table. All rows have the same columns."""
    row = question.row
    made = {
        "thumbnail": f"questions/images/{images[0]['file']}" if images else None,
        "id": question.id,
        **{name: row[name] for name in ("domain", "kind", "language", "images")},
        "question": bare(row["question"])[:LONGEST],
        "label": " / ".join(row["labels"])[:LONGEST],
    }
    for model in models:
        answer = question.answers.get(model)
        made |= {model: answer["prediction"][:LONGEST] if answer else None}
        made |= {f"{model}: score": answer["scores"].get("score") if answer else None}
    return made


def _text(text: str, language: Language | None) -> str | list[Any]:
    """Return a text in the direction of its question's language, or [direction, piece, piece in Latin, piece, ...]."""
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]} […]"
    own, found = direction(text, language), pieces(text)
    return text if len(found) == 1 and own == (language.direction if language else "auto") else [own, *found]


def _json(value: Any) -> str:
    """Return JSON that can stand in any script, also between tags."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
