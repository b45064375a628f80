"""Write the folder of a new survey: `survey.json`, its images, and personal links if it is by invitation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ain import UserError
from ain.report.questions import Question as Asked
from ain.report.questions import Stored
from ain.report.texts import bare
from ain.storage.files import replace_bytes
from ain.storage.images import decode, png, suffix
from ain.survey import definition
from ain.survey.answers import Answers, join
from ain.survey.definition import FILE, IMAGES, Answer, Image, Question, Survey
from ain.survey.protection import new_token
from ain.survey.questions import Candidate, read

LINKS = "links.txt"


def check_new(folder: Path) -> None:
    """Raise UserError if the folder holds a survey."""
    if (folder / FILE).exists():
        raise UserError(f"--to {folder}: holds a survey; give another folder")


def write(chosen: Sequence[Candidate], folder: Path, seed: int, participants: int | None) -> Survey:
    """Write the folder and return the survey. participants: how many are invited; None: anybody may
    take part."""
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    models = chosen[0].evaluation.models
    about = definition.texts()
    questions = [
        _question(question, one, folder, models, about["words"]["image"])
        for question, one in zip(read(chosen), chosen, strict=True)
    ]
    survey = Survey.model_validate(
        about
        | {"version": 1, "seed": seed, "invited": participants is not None}
        | {"models": models, "questions": questions}
    )
    definition.write_survey(survey, folder)
    if participants:
        _invite(survey, folder, participants)
    return survey


def _question(asked: Asked, one: Candidate, folder: Path, models: Sequence[str], alt: str) -> Question:
    row, stored = asked.row, one.evaluation.images(asked.row["shown"])
    shown = [stored[sha] for sha in row["shown"] if sha in stored]
    names = [alt if len(shown) == 1 else f"{alt} {number}" for number in range(1, len(shown) + 1)]
    pairs = zip(row["shown"], names, strict=False)
    images = [_image(folder, sha, stored[sha], name) for sha, name in pairs if sha in stored]
    answers = {model: _answer(asked.answers[model]) for model in models}
    about = {name: str(row[name] or "") for name in ("domain", "language")}
    text, truth = bare(row["question"]), " / ".join(row["labels"])
    return Question(
        record=one.id, benchmark=asked.benchmark, **about, text=text, truth=truth, images=images, answers=answers
    )


def _answer(row: dict[str, Any]) -> Answer:
    return Answer(text=bare(row["prediction"] or ""), right=None if row["score"] is None else row["score"] >= 1)


def _image(folder: Path, sha: str, image: Stored, alt: str) -> Image:
    """Write an image and return it. Browsers cannot show TIFF."""
    kind = suffix(image.bytes)
    data, kind = (png(decode(image.bytes)), "png") if kind == "tiff" else (image.bytes, kind)
    name = f"{sha[:32]}.{kind}"
    replace_bytes(folder / IMAGES / name, data)
    return Image(file=name, width=image.width, height=image.height, alt=alt)


def _invite(survey: Survey, folder: Path, count: int) -> None:
    """Write a personal link for each of `count` participants. The database keeps digests of their tokens alone."""
    tokens = [new_token() for _ in range(count)]
    answers = Answers(folder, survey)
    answers.write(join(token, agreed=False) for token in tokens)
    answers.close()
    path = folder / LINKS
    path.touch(mode=0o600)
    path.write_text("".join(f"/continue/{token}\n" for token in tokens), encoding="utf-8")
