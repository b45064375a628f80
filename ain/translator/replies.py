"""Pure functions that turn a chat model's reply into translations, or into their faults."""

import json
from typing import Any

from ain.chat import Reply
from ain.translator.faults import Fault, fault, read_items

Unit = dict[str, str]  # field → text to translate; "" if there is nothing to translate


def read(
    reply: Reply, units: list[Unit], as_text: bool, target: str = "ar", script: str = "Arabic"
) -> list[dict[str, Any]]:
    """Return {"fields"} or {"fault", "reason", "detail", "said"} per unit.

    as_text: the reply is the one text's translation. script: key of OPTIONS with the letters that options get.
    """
    if reply.finish in ("refusal", "content_filter"):
        found: Any = Fault("refused", f"refused: {reply.text[:80] or reply.finish}")
    elif reply.finish == "length":
        found = Fault("cut_off", "cut off: the answer ran out of tokens")
    elif as_text:
        found = [{"text": reply.text.strip()}]
    else:
        found = read_items(reply.text, len(units))
    if isinstance(found, Fault):
        return [_faulty(found, reply.text[:4_000])] * len(units)
    return [_checked(unit, item, target, script) for unit, item in zip(units, found, strict=True)]


def _checked(unit: Unit, item: dict[str, Any] | None, target: str, script: str) -> dict[str, Any]:
    for name, text in unit.items():
        if not text:
            continue
        if item is None or not isinstance(item.get(name), str):
            return _faulty(Fault("missing", f"missing from the answer: {name}", name), item)
        question = unit.get("question") if name == "answer" else None
        if wrong := fault(text, item[name], target, script, question):
            return _faulty(wrong, item)
    return {"fields": {name: item[name].strip() if text and item else "" for name, text in unit.items()}}


def _faulty(found: Fault, said: Any) -> dict[str, Any]:
    """said: the item, or the whole reply where it has none."""
    return {"fault": found.kind, "reason": found.reason, "detail": found.detail, "said": said}


def rechecked(unit: Unit, result: dict[str, Any], target: str, script: str) -> dict[str, Any]:
    """Return a stored result of `read`, with an item that was faulty when it came checked by the checks of today: what
    was paid for is not asked for again when a check is corrected."""
    if "fault" not in result or not isinstance(result.get("said"), dict):
        return result
    rest = {name: value for name, value in result.items() if name not in ("fault", "reason", "detail", "said")}
    return rest | _checked(unit, result["said"], target, script)


def candidate(unit: Unit, result: dict[str, Any]) -> dict[str, str]:
    """Return the fields of a result of `read`; of a faulty one what the answer said, for people to judge."""
    if "fields" in result:
        return result["fields"]  # type: ignore[no-any-return]
    said = result.get("said")
    if isinstance(said, dict):
        return {name: said[name] for name in unit if isinstance(said.get(name), str)}
    return {next(iter(unit)): said} if isinstance(said, str) else {}


def said_again(faulty: list[dict[str, Any]]) -> str:
    """Return the answer that a repair request shows as the model's own: its items under the ids of that request."""
    items = [{**one["said"], "id": i} for i, one in enumerate(faulty, 1) if isinstance(one["said"], dict)]
    whole = dict.fromkeys(one["said"] for one in faulty if isinstance(one["said"], str))
    made = [json.dumps({"translations": items}, ensure_ascii=False)] if items or not whole else []
    return "\n".join([*whole, *made])


def schema(fields: tuple[str, ...]) -> dict[str, Any]:
    """Return the JSON schema of what `read_items` reads. Strict schemas must require every property."""
    properties = {"id": {"type": "integer"}, **{name: {"type": "string"} for name in fields}}
    item = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return {
        "type": "object",
        "properties": {"translations": {"type": "array", "items": item}},
        "required": ["translations"],
        "additionalProperties": False,
    }
