"""Replies in the shapes of OpenAI's protocol."""

import time
import uuid
from collections.abc import Callable
from typing import Any

from ain.chat import Reply
from ain.chat.scoring import TokenScores

_LEAST = -9_999.0  # JSON has no infinity

Decode = Callable[[list[int]], str]


def error(message: str, status: int, code: str | None = None) -> dict[str, Any]:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def models(name: str, max_length: int | None) -> dict[str, Any]:
    model = {"id": name, "object": "model", "created": 0, "owned_by": "ain", "max_model_len": max_length}
    return {"object": "list", "data": [model]}


def chat_completion(name: str, reply: Reply) -> dict[str, Any]:
    message = {"role": "assistant", "content": reply.text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish}
    return _reply("chat.completion", "chatcmpl", name, [choice], reply.prompt_tokens, reply.completion_tokens)


def completion(name: str, texts: list[str], replies: list[Reply]) -> dict[str, Any]:
    """Return generated texts, each maybe with its prompt in front of it."""
    choices = [
        {"index": i, "text": text, "logprobs": None, "finish_reason": reply.finish}
        for i, (text, reply) in enumerate(zip(texts, replies, strict=True))
    ]
    counts = [sum(reply.prompt_tokens for reply in replies), sum(reply.completion_tokens for reply in replies)]
    return _reply("text_completion", "cmpl", name, choices, *counts)


def scored(name: str, scores: list[TokenScores], added: int, decode: Decode) -> dict[str, Any]:
    """Return prompts with the log-probabilities of their tokens, and `added` (0 or 1) tokens generated behind them."""
    choices = []
    for index, score in enumerate(scores):
        logprobs = _logprobs(score, len(score.ids) - 1 + added, decode)
        choices.append({"index": index, "text": "".join(decode(score.ids[: len(score.ids) - 1 + added]))})
        choices[-1] |= {"logprobs": logprobs, "finish_reason": "length"}
    return _reply("text_completion", "cmpl", name, choices, sum(len(s.ids) - 1 for s in scores), added * len(scores))


def _logprobs(score: TokenScores, count: int, decode: Decode) -> dict[str, Any]:
    tops: list[dict[str, float] | None] = [None]
    for top in score.top[1:count]:
        named: dict[str, float] = {}
        for token, logprob in top.items():
            named.setdefault(decode([token]), max(logprob, _LEAST))  # the likeliest of tokens that look the same
        tops.append(named)
    return {
        "tokens": [decode([token]) for token in score.ids[:count]],
        "token_logprobs": [None if each is None else max(each, _LEAST) for each in score.logprobs[:count]],
        "top_logprobs": tops,
        "text_offset": offsets(score.ids[:count], decode),
    }


def offsets(ids: list[int], decode: Decode) -> list[int]:
    """Return where each token begins in the text. Tokens that share a character begin where it does."""
    made, begin, before = [], 0, 0
    for i in range(len(ids)):
        made.append(before)
        text = decode(ids[begin : i + 1])
        if not text.endswith("\N{REPLACEMENT CHARACTER}"):  # a character is complete
            begin, before = i + 1, before + len(text)
    return made


def _reply(kind: str, prefix: str, name: str, choices: list[Any], asked: int, answered: int) -> dict[str, Any]:
    usage = {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}
    made = {"id": f"{prefix}-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": name}
    return made | {"choices": choices, "usage": usage}
