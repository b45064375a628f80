"""Conversations as messages, and as text from a chat template with the positions of the answers."""

import re
from typing import Any

from ain import UserError
from ain.text.placeholders import PLACEHOLDERS

Message = dict[str, Any]
_MARK = "\N{OBJECT REPLACEMENT CHARACTER}"


def conversation(turns: list[dict[str, str]]) -> list[Message]:
    """Return messages from turns of `question` and `answer`; an empty answer is left out, for the model to generate."""
    messages: list[Message] = []
    for turn in turns:
        content: list[dict[str, str]] = []
        for piece in re.split(f"({'|'.join(PLACEHOLDERS)})", turn["question"]):
            if piece in PLACEHOLDERS:
                content.append({"type": PLACEHOLDERS[piece]})
            elif piece.strip():
                content.append({"type": "text", "text": piece.strip("\n")})
        messages.append({"role": "user", "content": content})
        if turn["answer"]:
            messages.append({"role": "assistant", "content": [{"type": "text", "text": turn["answer"]}]})
    return messages


def render(tokenizer: Any, messages: list[Message], end_of_answer: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the chat template's text, and the character span of each answer, including the token that ends it.

    Message content may be a list of parts or one string, depending on the template.
    """
    answers = [_text(message) for message in messages if message["role"] == "assistant"]
    text = _template(tokenizer, messages)
    mark = _MARK
    while mark in text:  # a conversation may contain the character
        mark += _MARK
    marked = _template(tokenizer, [_marked(m, mark) if m["role"] == "assistant" else m for m in messages])
    spans: list[tuple[int, int]] = []
    rebuilt = ""
    for piece, answer in zip(marked.split(mark), [*answers, ""], strict=True):
        rebuilt += piece
        if len(spans) < len(answers):
            spans.append((len(rebuilt), len(rebuilt) + len(answer) + len(end_of_answer)))
            rebuilt += answer
    if rebuilt != text:
        raise UserError(
            f"{tokenizer.name_or_path}: its chat template changes the answers, so their labels cannot be placed"
        )
    return text, spans


def _text(message: Message) -> str:
    content = message["content"]
    return content if isinstance(content, str) else content[0]["text"]


def _marked(message: Message, mark: str) -> Message:
    plain = isinstance(message["content"], str)
    return {**message, "content": mark if plain else [{"type": "text", "text": mark}]}


def _template(tokenizer: Any, messages: list[Message]) -> str:
    asking = messages[-1]["role"] == "user"
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=asking))
