"""Split a JSON file into rows without parsing them, and parse one row. A row that cannot be read costs no other row."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

CHUNK = 1 << 20
_OUTSIDE = re.compile(rb'[^\[\]{}",]*+')
_INSIDE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.S)  # of a string, up to its end or to half an escape
_CLOSING = {ord("["): ord("]"), ord("{"): ord("}")}
_REST = "; nothing after it in this file is read"


class Malformed(Exception):
    """A row that cannot be read. The message is the reason of its rejection. ends: the rest of its file is lost, too."""

    def __init__(self, reason: str, ends: bool = False) -> None:
        super().__init__(reason, ends)
        self.reason, self.ends = reason, ends


def rows(file: BinaryIO, max_line_mb: float, lines: bool) -> Iterator[bytes | Malformed]:
    """Yield the rows of a JSON array or, one a line, of JSON lines, with one of them in memory.

    lines: the file's name says that it holds lines, so a first row may begin with a bracket.
    """
    limit = int(max_line_mb * 1_000_000)
    head = file.read(4096)
    start = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    text = head[start:].lstrip()
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        yield Malformed("in UTF-16; save the file as UTF-8", ends=True)
    elif text[:1] == b"[" and not (lines and (_lists_no_objects(text) or _is_a_row(file, start, limit))):
        file.seek(start + len(head[start:]) - len(text) + 1)
        yield from _array(file, limit)
    elif text[:1] == b"{" or lines:
        file.seek(start)
        yield from _lines(file, limit)
    else:
        yield Malformed("no JSON; expected a list of objects, or one object a line", ends=True)


def _lists_no_objects(text: bytes) -> bool:
    return text[1:].lstrip()[:1] not in (b"", b"{", b"]")


def _is_a_row(file: BinaryIO, start: int, limit: int) -> bool:
    """Return whether the first line is a row, though no object, of a file of lines, and not the begin of an array."""
    file.seek(start)
    line = file.readline(limit + 1)
    if not line.endswith(b"\n"):
        _skip_line(file)
    more = any(piece.strip() for piece in iter(lambda: file.readline(CHUNK), b""))
    return more and not line.rstrip().endswith((b",", b"[", b"{"))


def _skip_line(file: BinaryIO) -> None:
    while (more := file.readline(CHUNK)) and not more.endswith(b"\n"):
        pass


def _too_long(limit: int) -> Malformed:
    return Malformed(f"a row of more than {limit / 1_000_000:g} MB; the limit is source.max_line_mb")


def _lines(file: BinaryIO, limit: int) -> Iterator[bytes | Malformed]:
    first = True
    while line := file.readline(limit + 1):
        if len(line) > limit and not line.endswith(b"\n"):
            _skip_line(file)
            yield _too_long(limit)
        elif first and line.strip() == b"{" and not _next_line(file, limit).startswith(b"{"):
            yield Malformed("an object over several lines; expected a list of objects, or one object a line", ends=True)
            return
        elif line.strip():
            yield line
        first = False


def _next_line(file: BinaryIO, limit: int) -> bytes:
    """Return the next line without reading on."""
    place = file.tell()
    line = file.readline(limit).lstrip()
    file.seek(place)
    return line


def _array(file: BinaryIO, limit: int) -> Iterator[bytes | Malformed]:
    """Yield the elements of an array, from behind its opening bracket. Brackets and strings alone are looked at."""
    row, long, open_brackets, inside, left = bytearray(), False, bytearray(), False, b""
    while chunk := file.read(CHUNK):
        chunk, left = left + chunk, b""
        start = at = 0
        while (at := (_INSIDE if inside else _OUTSIDE).match(chunk, at).end()) < len(chunk):  # type: ignore[union-attr]
            byte = chunk[at]
            if inside and byte != ord('"'):  # half an escape
                chunk, left = chunk[:at], chunk[at:]
                break
            if byte == ord('"'):
                inside = not inside
            elif byte in _CLOSING:
                open_brackets.append(_CLOSING[byte])
            elif not open_brackets and byte in b",]":
                row += chunk[start:at]
                if byte == ord(",") or row.strip():
                    yield _too_long(limit) if long or len(row) > limit else bytes(row)
                if byte == ord("]"):
                    yield from _after(chunk[at + 1 :], file)
                    return
                row, long, start = bytearray(), False, at + 1
            elif byte != ord(",") and (not open_brackets or open_brackets.pop() != byte):
                yield Malformed(f"broken JSON: {chr(byte)} closes nothing{_REST}", ends=True)
                return
            at += 1
        row += chunk[start:]
        if len(row) > limit:
            row, long = bytearray(), True
    yield Malformed(f"broken JSON: the file ends within the list{_REST}", ends=True)


def _after(rest: bytes, file: BinaryIO) -> Iterator[Malformed]:
    """Refuse what follows the array."""
    if rest.strip() or any(more.strip() for more in iter(lambda: file.read(CHUNK), b"")):
        yield Malformed(f"broken JSON: text after the end of the list{_REST}", ends=True)


def parsed(raw: bytes) -> Any:
    """Return a row's value. Raise Malformed with the reason: not UTF-8, no JSON, NaN, a key given twice, ..."""
    try:
        return json.loads(raw.decode(), parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_unrepeated)
    except UnicodeDecodeError as error:
        raise Malformed(f"not in UTF-8 (byte 0x{raw[error.start]:02x}); save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"malformed JSON: {error.msg}") from None
    except RecursionError:
        raise Malformed("malformed JSON: nested too deeply") from None
    except ValueError:  # Python's limit on the conversion of integers
        raise Malformed("malformed JSON: a number of thousands of digits") from None


def _no_number(text: str) -> Any:
    raise Malformed(f"malformed JSON: {text} is no number")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _no_number(text[:40])


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise Malformed(f"malformed JSON: the key {twice[:40]} is given twice")
    return made
