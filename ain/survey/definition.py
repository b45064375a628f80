"""What a survey asks: `survey.json`, which `ain survey build` writes and a person may edit. It is checked when it is read."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ain import UserError
from ain.metrics.orders import balanced
from ain.storage.digests import digest
from ain.storage.files import given_text, replace_text
from ain.text.languages import LanguageCode

FILE, IMAGES, DATABASE = "survey.json", "images", "answers.sqlite"

Text = Annotated[str, Field(min_length=1, max_length=50_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Choice(Part):
    """One of the answers to choose from. id: its name in reports."""

    id: Name
    text: Text


class Asked(Part):
    """A question about the participant."""

    question: Text
    choices: Annotated[list[Choice], Field(min_length=2, max_length=400)]

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len({choice.id for choice in self.choices}) < len(self.choices):
            raise ValueError("two choices have the same id")
        return self

    @property
    def ids(self) -> list[str]:
        return [choice.id for choice in self.choices]


class Image(Part):
    file: Annotated[str, Field(pattern=r"^[0-9a-f]{32}\.[a-z]{3,4}$")]
    width: Annotated[int, Field(ge=1)]
    height: Annotated[int, Field(ge=1)]
    alt: Text


class Answer(Part):
    """A model's answer. right: whether the scorer found it so; None if it could not tell."""

    text: str
    right: bool | None


class Question(Part):
    record: Name
    benchmark: str
    domain: str
    language: str
    text: Text
    truth: Text
    images: list[Image]
    answers: dict[str, Answer]


class Survey(Part):
    """A survey. consent: paragraphs; criteria: what to consider; words: the short texts of pages, by name; invited: only
    participants with a personal link take part; models: all have an answer to each question."""

    version: Literal[1]
    language: LanguageCode
    title: Name
    consent: Annotated[list[Text], Field(min_length=1)]
    criteria: list[Text]
    nationality: Asked
    dialect: Asked
    words: dict[str, Text]
    invited: bool
    seed: int
    models: Annotated[list[Name], Field(min_length=2, max_length=8)]
    questions: Annotated[list[Question], Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if len(set(self.models)) < len(self.models):
            raise ValueError("models: two have the same name")
        for number, question in enumerate(self.questions, 1):
            if set(question.answers) != set(self.models):
                raise ValueError(f"question {number}: expected an answer of each of {', '.join(self.models)}")
        if lacking := set(texts()["words"]) - set(self.words):
            raise ValueError(f"words: {min(lacking)} is missing")
        return self

    @property
    def identity(self) -> str:
        """Return the digest of what answers depend on. Texts around the questions may change while people answer."""
        return digest([self.models, self.seed, [question.model_dump() for question in self.questions]])

    def order(self, participant: int, question: int) -> list[str]:
        """Return the models in the order in which this participant meets their answers. question: from 1."""
        places = balanced(len(self.models), participant, question, self.seed)
        return [self.models[place] for place in places]


def texts() -> dict[str, Any]:
    """Return what participants read beside the questions, for a new survey."""
    return yaml.safe_load((Path(__file__).parent / "arabic.yml").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def read_survey(folder: Path) -> Survey:
    """Return the survey of a folder. Raise UserError, naming the place in survey.json, for what is none."""
    path = folder / FILE
    if not path.exists():
        raise UserError(
            f"{folder}: no survey: there is no {FILE} in it; make one with: ain survey build JOB --to {folder}"
        )
    try:
        survey = Survey.model_validate_json(given_text(path))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        said = first["msg"].removeprefix("Value error, ")
        raise UserError(f"{path}: {f'{place}: ' if place else ''}{said}; correct the file") from None
    files = (image.file for question in survey.questions for image in question.images)
    if missing := next((file for file in files if not (folder / IMAGES / file).is_file()), None):
        raise UserError(f"{path}: the image {IMAGES}/{missing} is missing; build the survey again")
    return survey


def write_survey(survey: Survey, folder: Path) -> None:
    replace_text(folder / FILE, f"{survey.model_dump_json(indent=2)}\n")
