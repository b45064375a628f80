"""The shapes that a server's replies must have. Servers are not trusted: what does not fit here counts as no answer.

Parsing bounds nesting and the size of numbers, and refuses invalid UTF-8 and lone surrogates. Unknown fields are ignored.
"""

import codecs
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Identifier = Annotated[str, Field(pattern=r"^[!-~]{1,256}$")]


class Shape(BaseModel):
    model_config = ConfigDict(strict=True)


class Details(Shape):
    cached_tokens: Count | None = None


class Usage(Shape):
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    prompt_tokens_details: Details | None = None


class Part(Shape):
    type: str
    text: str | None = None


class Message(Shape):
    content: str | Annotated[list[Part], Field(fail_fast=True)] | None = None
    refusal: str | None = None

    @property
    def text(self) -> str:
        if not isinstance(self.content, list):
            return self.content or ""
        return "".join(part.text or "" for part in self.content if part.type == "text")


class Choice(Shape):
    message: Message
    finish_reason: str | None = None


class Completion(Shape):
    """A chat completion; of its choices only the first counts."""

    choices: Annotated[list[Choice], Field(min_length=1, fail_fast=True)]
    usage: Usage | None = None


class ErrorSaid(Shape):
    code: str | int | None = None
    message: str | None = None


class Errors(Shape):
    data: Annotated[list[ErrorSaid], Field(fail_fast=True)] | None = None


class Batch(Shape):
    id: Identifier
    status: str
    output_file_id: Identifier | None = None
    error_file_id: Identifier | None = None
    errors: Errors | None = None
    metadata: dict[str, Any] | None = None


class File(Shape):
    id: Identifier
    filename: str | None = None


class Files(Shape):
    data: Annotated[list[File], Field(fail_fast=True)]
    has_more: bool | None = None


class ListedBatches(Shape):
    data: Annotated[list[Batch], Field(fail_fast=True)]
    has_more: bool | None = None


class Failure(Shape):
    """The body of a reply that is an error."""

    error: ErrorSaid | None = None


class Response(Shape):
    status_code: int
    body: Any = None  # a completion, or a failure


class Row(Shape):
    """A row of a batch's output or error file."""

    custom_id: str
    response: Response | None = None
    error: ErrorSaid | None = None


Some = TypeVar("Some", bound=Shape)


def parsed(shape: type[Some], body: Any) -> Some:
    """Return the body, as bytes or parsed already, as this shape. Raises ValueError, which repeats nothing of it."""
    try:
        if isinstance(body, bytes):
            return shape.model_validate_json(body.removeprefix(codecs.BOM_UTF8))
        return shape.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        said = first["msg"].partition(" at line ")[0]
        raise ValueError(f"not a {_NAMES.get(shape, 'reply')} ({place + ': ' if place else ''}{said})") from None


_NAMES: dict[type[Shape], str] = {Completion: "chat completion", Row: "row of a batch", Batch: "batch", File: "file"}
