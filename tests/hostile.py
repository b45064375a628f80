"""Rows as no source should hold them: mutations of good rows, drawn from a seed."""

import itertools
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

DEEP = 20_000
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
_NAMES = (
    '"/dev/zero"',
    '"../../etc/passwd"',
    '"/etc/passwd"',
    '"fifo.png"',
    '"."',
    '"a.png/a.png"',
    '"https://example.org/a.png"',
)
_TEXTS = ("null", "true", "0", "-1", '""', '"<image>"', '"<|im_end|>"', *_NAMES)
FINE = {  # what a good row may hold at a key; elsewhere none of VALUES is fine
    "id": _TEXTS, "images": ("null", "[]"), "videos": ("null", "[]"), "language": ("null",), "domain": ("[]", "{}", *_TEXTS),
    "references": ("null", "{}"), "value": ("0", "-1", '"' + "x" * 5_000 + '.png"', *_NAMES),
}  # fmt: skip
UNREAD = ("fps", "messages", "role", "content")  # of a row with conversations and without videos


def good(name: str) -> dict[str, Any]:
    said = [{"from": "human", "value": f"<image>\nWhat is {name}?"}, {"from": "gpt", "value": "A colour."}]
    return {"id": name, "image": "a.png", "conversations": said}


def _put(row: dict[str, Any], target: dict[str, Any], key: str, value: str) -> str:
    """Return the row's JSON with a value, which may be no JSON, at a key of the row or of a message."""
    target[key] = "MARK"
    return json.dumps(row).replace('"MARK"', value)


def _set(random: Random, row: dict[str, Any]) -> str:
    inside = random.random() < 0.5
    target = random.choice(row["conversations"]) if inside else row
    return _put(row, target, random.choice(INNER if inside else KEYS), random.choice(VALUES))


def _set_wrong(random: Random, row: dict[str, Any]) -> str:
    target, keys = (row, KEYS) if random.random() < 0.5 else (random.choice(row["conversations"]), INNER)
    key = random.choice([key for key in keys if key not in UNREAD])
    return _put(row, target, key, random.choice([value for value in VALUES if value not in FINE.get(key, ())]))


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


Mutation = Callable[[Random, dict[str, Any]], str]
_ALWAYS_WRONG: tuple[Mutation, ...] = (_missing, _other, _twice, _order)
WRONG: tuple[Mutation, ...] = (*[_set_wrong] * 4, *_ALWAYS_WRONG)
ANY: tuple[Mutation, ...] = (*[_set] * 4, *_ALWAYS_WRONG)


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


def torn(random: Random, text: str) -> bytes:
    """Damage the bytes of an object so that they are no JSON any more, and no beginning of another format."""
    while (made := cut(random, text)) in (b"{", b"x") or made[:2] in (b"\xff\xfe", b"\xfe\xff") or _is_json(made):
        pass
    return made


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data.decode())
    except (ValueError, RecursionError):
        return False
    return True


def rows(seed: int, count: int, mutations: tuple[Mutation, ...] = ANY) -> list[tuple[str | None, str]]:
    """Return (id of a good row or None, its JSON text). A third of the rows are good."""
    random = Random(seed)
    made: list[tuple[str | None, str]] = []
    for number in range(count):
        name = f"row-{number}"
        if random.random() < 0.33:
            made.append((name, json.dumps(good(name))))
        else:
            made.append((None, random.choice(mutations)(random, good(name))))
    return made


def write(
    folder: Path,
    rows: Iterable[tuple[str | None, str]],
    size: int,
    random: Random,
    damage: Callable[[Random, str], bytes],
) -> None:
    """Write rows to files of `size` rows, arrays and lines in turn; of bad lines, some are damaged further."""
    left = iter(rows)
    for number in itertools.count():
        if not (some := list(itertools.islice(left, size))):
            return
        if number % 2:
            (folder / f"{number:05d}.json").write_text("[" + ",\n".join(text for _, text in some) + "]")
            continue
        lines = [
            damage(random, text) if not name and text[0] == "{" and random.random() < 0.3 else text.encode()
            for name, text in some
        ]
        (folder / f"{number:05d}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
