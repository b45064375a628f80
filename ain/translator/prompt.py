"""What a person may write in a prompt for a chat translator."""

from typing import NotRequired  # pydantic wants this one before Python 3.12

from typing_extensions import TypedDict

# `user` has {text} or {items} to fill in, `repair` has {faults}; {source} and {target} stand for the language codes, {A} to
# {H} for the letters of options. `faults` says each kind of fault in the prompt's language, with {detail} for what is at
# fault. `with` holds further keys of the user's message, for chat templates that read them.
Prompt = TypedDict(
    "Prompt",
    {
        "system": NotRequired[str | None],
        "user": str,
        "repair": NotRequired[str | None],
        "faults": NotRequired[dict[str, str] | None],
        "with": NotRequired[dict[str, str]],
    },
)
