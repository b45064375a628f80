"""The requests of OpenAI's protocol that are understood here. Fields that change nothing here are ignored."""

import base64
import binascii
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ain import UserError
from ain.chat import Message, image_part
from ain.storage.images import BadImage, checked, decode, png

MAX_IMAGES = 64  # in one request
Text = Annotated[str, Field(max_length=4_000_000)]
Stop = Annotated[str, Field(min_length=1, max_length=1_000)]
TokenIds = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=1_000_000)]
Prompts = Annotated[list[Annotated[Text, Field(min_length=1)]], Field(min_length=1, max_length=1_024)]


class Body(BaseModel):
    model_config = ConfigDict(strict=True)

    model: str
    max_tokens: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=64)] | None = None
    temperature: float | None = None
    n: Literal[1] | None = None
    stream: Literal[False] | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())


class ImageURL(BaseModel):
    url: Annotated[str, Field(pattern=r"^data:image/[a-zA-Z.+-]+;base64,")]


class ImagePart(BaseModel):
    type: Literal["image_url"]
    image_url: ImageURL


class TextPart(BaseModel):
    type: Literal["text"]
    text: Text


Part = Annotated[TextPart | ImagePart, Field(discriminator="type")]


class Said(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: Text | Annotated[list[Part], Field(max_length=1_000)]


class ChatBody(Body):
    messages: Annotated[list[Said], Field(min_length=1, max_length=1_000)]
    max_completion_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    logprobs: Literal[False] | None = None

    def conversation(self) -> list[Message]:
        """Return the messages, their images as upright PNG. Raises UserError for an image that cannot be read."""
        parts = [part for said in self.messages if isinstance(said.content, list) for part in said.content]
        if sum(isinstance(part, ImagePart) for part in parts) > MAX_IMAGES:
            raise UserError(f"messages: more than {MAX_IMAGES} images")
        return [{"role": _role(said.role), "content": _content(said.content)} for said in self.messages]


class CompletionBody(Body):
    prompt: Annotated[Text, Field(min_length=1)] | TokenIds | Prompts | Annotated[list[TokenIds], Field(min_length=1)]
    echo: bool = False
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None

    @property
    def prompts(self) -> list[str] | list[list[int]]:
        if isinstance(self.prompt, str):
            return [self.prompt]
        return [self.prompt] if isinstance(self.prompt[0], int) else self.prompt  # type: ignore[list-item, return-value]


Some = TypeVar("Some", bound=Body)


def parsed(shape: type[Some], body: bytes) -> Some:
    """Return the request. Raises UserError with one thing that is wrong, named by its path.

    Of alternatives, such as a text or a list, the deepest error is of the one that was meant.
    """
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        first = max(found, key=lambda each: len(each["loc"]))
        place = ".".join(str(each) for each in first["loc"] if str(each).isalnum() or str(each).isidentifier())
        raise UserError(f"{place or 'body'}: {first['msg']}") from None


def _role(role: str) -> str:
    return "system" if role == "developer" else role


def _content(content: str | list[Any]) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    return [
        _image(part.image_url.url) if isinstance(part, ImagePart) else {"type": "text", "text": part.text}
        for part in content
    ]


def _image(url: str) -> dict[str, Any]:
    try:
        data = base64.b64decode(url.partition(",")[2], validate=True)
        checked(data)
    except (binascii.Error, BadImage) as error:
        raise UserError(f"image_url: {error}") from None
    return image_part(png(decode(data)))
