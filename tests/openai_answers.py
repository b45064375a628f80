"""Answers of the test server: a verdict on an image or on an answer, or a "translation" letter by letter into Arabic script.
It keeps capitals, digits and everything in <> or after http, so that a right answer can be told from the question.
"""

import base64
import hashlib
import io
import json
import re
from typing import Any

from aiohttp import web
from PIL import Image

LETTERS = dict(zip("abcdefghijklmnopqrstuvwxyz", "ابثدعفغهيجكلمنوبقرستوفوخيز", strict=True))
KEPT = re.compile(r"(<[a-z]+>|https?://\S+)")


def arabic(text: str) -> str:
    parts = KEPT.split(text)
    return "".join(part if i % 2 else "".join(LETTERS.get(c, c) for c in part.lower()) for i, part in enumerate(parts))


def things(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what an answer is about: an image, an answer to judge, or the items of a translation."""
    seen, case = image_part(body), judged(body)
    return [{"image": hashlib.sha256(seen).hexdigest()}] if seen else [case] if case else items(body)


def judged(body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer that is to be judged, with its question and labels, or None."""
    asked = next(message["content"] for message in body["messages"] if message["role"] == "user")
    try:
        case = json.loads(asked)
    except (TypeError, ValueError):
        return None
    return case if isinstance(case, dict) and "right_answers" in case else None


def judgement(case: dict[str, Any], body: dict[str, Any], fault: str | None) -> str:
    """Return 1 for an answer with a label in it. "unsure" in an answer is a fault in each reply, "mumbled" one in the first."""
    repeated = len(body["messages"]) > 2
    if "first" in case:
        return compared(case)
    if "unsure" in case["answer"] or fault == "garbage" or ("mumbled" in case["answer"] and not repeated):
        return '{"score": 0.5}'
    return json.dumps({"score": int(any(label in case["answer"] for label in case["right_answers"]))})


def compared(case: dict[str, Any]) -> str:
    """Return which of two answers has a label in it; "biased" in a question: always the first."""
    right = [any(label in case[name] for label in case["right_answers"]) for name in ("first", "second")]
    better = 0 if right[0] == right[1] else 1 if right[0] else 2
    return json.dumps({"score": 3 if "unsure" in case["first"] else 1 if "biased" in case["question"] else better})


def image_part(body: dict[str, Any]) -> bytes | None:
    for message in body["messages"]:
        for part in message["content"] if isinstance(message["content"], list) else ():
            if part["type"] == "image_url":
                return base64.b64decode(part["image_url"]["url"].split(",")[1])
    return None


def verdict(seen: bytes, body: dict[str, Any], fault: str | None) -> str:
    """Return "Unsafe" for an image with a reddish corner. The fault "garbage_once" goes away when asked again."""
    if fault == "garbage" or (fault == "garbage_once" and len(body["messages"]) == 1):
        return "Sure, that looks fine to me!"
    red, green, _ = Image.open(io.BytesIO(seen)).convert("RGB").getpixel((0, 0))  # type: ignore[misc]
    unsafe = red > 150 and green < 100
    said = {"rating": "Unsafe" if unsafe else "Safe", "category": "O6" if unsafe else "NA", "rationale": "a test"}
    return json.dumps(said)


def items(body: dict[str, Any]) -> list[dict[str, Any]]:
    asked = next(message["content"] for message in body["messages"] if message["role"] == "user")
    try:
        return list(json.loads(asked))
    except ValueError:
        return [{"id": 1, "text": asked}]


def completion(body: dict[str, Any], fault: str | None) -> dict[str, Any]:
    seen = image_part(body)
    if seen:
        return answered(body, verdict(seen, body, fault), fault)
    if case := judged(body):
        return answered(body, judgement(case, body, fault), fault)
    made = [{k: v if k == "id" else arabic(v) for k, v in item.items()} for item in items(body)]
    if fault == "english":
        made = items(body)
    if fault == "number":
        made = [{k: v if k == "id" or not v else f"{v} ٩٩٩" for k, v in item.items()} for item in made]
    if fault == "twice_as_long":
        made = [{k: v if k == "id" or not v else f"{v} {v}" for k, v in item.items()} for item in made]
    if fault == "lost_item":
        made = made[1:]
    return answered(body, json.dumps({"translations": made[::-1]}, ensure_ascii=False), fault)


def answered(body: dict[str, Any], text: str, fault: str | None) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if fault == "half":
        message["content"] = text.replace("ا", "\\ud83d", 1)
    if fault == "broken":
        message["content"] = text[:-9]
    if fault == "refusal":
        message |= {"content": None, "refusal": "I'm sorry, I can't help with that."}
    if fault == "length":
        message["content"] = text[: len(text) // 2]
    usage = {
        "prompt_tokens": len(json.dumps(body["messages"], ensure_ascii=False)) // 4,
        "completion_tokens": len(text) // 3,
    }
    return {
        "id": "chatcmpl-x",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "length" if fault == "length" else "stop"}],
        "usage": {**usage, "total_tokens": sum(usage.values())},
    }


def error(status: int, message: str, code: str, headers: dict[str, str] | None = None) -> web.Response:
    body = {"error": {"message": message, "type": "error", "param": None, "code": code}}
    return web.json_response(body, status=status, headers=headers)


def gemini_error(message: str) -> web.Response:
    """Return an error as Gemini does: in a list, without a code in words."""
    return web.json_response([{"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}], status=400)


def unknown(body: dict[str, Any]) -> web.Response | None:
    """Return Gemini's error for a model that cannot reason."""
    if "reasoning_effort" not in body:
        return None
    return gemini_error('Invalid JSON payload received. Unknown name "reasoning_effort": Cannot find field.')


def unsupported(body: dict[str, Any]) -> web.Response | None:
    """Return the error of reasoning models for parameters that they do not support."""
    for name in ("max_tokens", "temperature"):
        if body["model"].startswith("reasoning") and name in body:
            said = f"Unsupported parameter: '{name}' is not supported with this model."
            made = {"message": said, "type": "invalid_request_error", "param": name, "code": "unsupported_parameter"}
            return web.json_response({"error": made}, status=400)
    return None
