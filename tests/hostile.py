"""Rows as no source should hold them: mutations of good rows, drawn from a seed."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

DEEP = 100_000
VALUES = (  # JSON texts that may stand anywhere in a row
    "null", "true", "[]", "{}", "NaN", "-Infinity", "1e999", "0", "-1", "9" * 5_000, '""', r'"\ud83d"', r'"\udc80x"', r'"\u0000"',
    '"' + "a" * 70_000 + '"', '"<image>"', '"<|im_end|>"', "[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP,
    '["x", "y"]', '[[1, "x"]]', '{"from": "human"}', '"/dev/zero"', '"../../etc/passwd"', '"/etc/passwd"', '"fifo.png"', '"."',
    '"a.png/a.png"',
    r'"\u0000.png"', '"' + "x" * 5_000 + '.png"', '"https://example.org/a.png"', '{"bytes": 99999999999}', '["a.png", "a.png"]',
    '[' + '"a.png",' * 2_000 + '"a.png"]', "[" + "[]," * 30_000 + "[]]",
)  # fmt: skip
KEYS = ("id", "image", "images", "videos", "fps", "conversations", "messages", "language", "domain", "references")
INNER = ("from", "value", "role", "content")


def good(name: str) -> dict[str, Any]:
    said = [{"from": "human", "value": f"<image>\nWhat is {name}?"}, {"from": "gpt", "value": "A colour."}]
    return {"id": name, "image": "a.png", "conversations": said}


def _set(random: Random, row: dict[str, Any]) -> str:
    """Put one of VALUES at a key of the row or of a message. The text is put in place of a mark, as it may be no JSON."""
    value, inside = random.choice(VALUES), random.random() < 0.5
    target = random.choice(row["conversations"]) if inside else row
    target[random.choice(INNER if inside else KEYS)] = "MARK"
    return json.dumps(row).replace('"MARK"', value)


def _missing(random: Random, row: dict[str, Any]) -> str:
    target = random.choice([row, *row["conversations"]])
    del target[random.choice([key for key in target if key not in ("id", "image")])]
    return json.dumps(row)


def _other(random: Random, row: dict[str, Any]) -> str:
    """Return a value that is no row at all."""
    return random.choice([value for value in VALUES if value not in ("[]", "")])


def _twice(random: Random, row: dict[str, Any]) -> str:
    return json.dumps(row)[:-1] + ', "id": "again"}'


def _order(random: Random, row: dict[str, Any]) -> str:
    row["conversations"] = random.choices(row["conversations"], k=random.choice([1, 3, 5]))
    return json.dumps(row)


MUTATIONS: tuple[Callable[[Random, dict[str, Any]], str], ...] = (
    _set,
    _set,
    _set,
    _set,
    _missing,
    _other,
    _twice,
    _order,
)


def cut(random: Random, text: str) -> bytes:
    """Damage the bytes of a row, in a file of lines: cut, drop, insert. No line end is added."""
    data = bytearray(text.encode())
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(data))
        what = random.randrange(3)
        if what == 0:
            data[at : at + random.randint(1, 30)] = b""
        elif what == 1:
            data[at:at] = random.choice([b"\xe9", b"\xff\xfe", b"\0", b"}", b"]", b'"', b"\\", b"\xed\xa0\x80"])
        else:
            data = data[: max(at, 1)]
        data = data or bytearray(b"x")
    return bytes(data).strip() or b"x"


def rows(seed: int, count: int) -> list[tuple[str | None, str]]:
    """Return (id of a good row or None, its JSON text). A third of the rows are good."""
    random = Random(seed)
    made: list[tuple[str | None, str]] = []
    for number in range(count):
        name = f"row-{number}"
        if random.random() < 0.33:
            made.append((name, json.dumps(good(name))))
        else:
            made.append((None, random.choice(MUTATIONS)(random, good(name))))
    return made
