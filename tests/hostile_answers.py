"""What a hostile server sends: bodies of the wrong shape, and bytes that are no proper reply at all."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

from openai_answers import completion

SECRET = "sk-hostile-0123456789-must-not-be-anywhere"
ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m"
Body = dict[str, Any]


def _good(body: Body) -> Body:
    return completion(body, None)


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def _message(**fields: Any) -> Callable[[Body], bytes]:
    return lambda body: _dumped({**_good(body), "choices": [{"message": fields, "finish_reason": "stop"}]})


def _with(**fields: Any) -> Callable[[Body], bytes]:
    return lambda body: _dumped({**_good(body), **fields})


def _usage(**fields: Any) -> Callable[[Body], bytes]:
    return _with(usage={"prompt_tokens": 5, "completion_tokens": 5, **fields})


def _finish(reason: Any) -> Callable[[Body], bytes]:
    return lambda body: _dumped({**_good(body), "choices": [{**_good(body)["choices"][0], "finish_reason": reason}]})


def _changed(change: Callable[[str], str]) -> Callable[[Body], bytes]:
    """Change the text of the right answer."""

    def made(body: Body) -> bytes:
        content = change(_good(body)["choices"][0]["message"]["content"])
        return _message(role="assistant", content=content)(body)

    return made


def _bytes(data: bytes) -> Callable[[Body], bytes]:
    return lambda body: data


def _deep(body: Body) -> bytes:
    return _dumped(_good(body))[:-1] + b', "extra": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


# Shapes that are taken: nothing that we read is wrong in them.
TAKEN: dict[str, Callable[[Body], bytes]] = {
    "good": lambda body: _dumped(_good(body)),
    "nousage": _with(usage=None),
    "emptyusage": _with(usage={}),
    "wrongids": _with(id=7, created="yesterday", object=None, model=[]),
    "duplicatekeys": lambda body: b'{"choices": null, ' + _dumped(_good(body))[1:],
    "unknownfinish": _finish("failed"),
    "parts": lambda body: _message(content=[{"type": "text", "text": _good(body)["choices"][0]["message"]["content"]}])(
        body
    ),
    "keyechoed": _changed(lambda text: text.replace("ا", f"{SECRET} ا")),
    "escapes": _changed(lambda text: text.replace("ا", "ا" + ESCAPES)),
    "innerescapes": _changed(lambda text: text.replace("ا", "ا\\u001b[2J\\u0007")),
}

# Shapes that are refused.
REFUSED: dict[str, Callable[[Body], bytes]] = {
    "null": _bytes(b"null"),
    "list": _bytes(b"[]"),
    "text": _bytes(b'"hello"'),
    "number": _bytes(b"7"),
    "empty": _bytes(b""),
    "html": _bytes(b"<html><script>alert(1)</script></html>"),
    "notjson": _bytes(b"{'a': 1}"),
    "utfsixteen": lambda body: json.dumps(_good(body)).encode("utf-16"),
    "invalidutf": lambda body: _dumped(_good(body)).replace(b"stop", b"st\xffop"),
    "halfpair": lambda body: _dumped(_good(body)).replace(b"stop", b"\\ud83d"),
    "rawcontrols": lambda body: _dumped(_good(body)).replace(b"stop", b"\x1b[2J"),
    "deep": _deep,
    "onlydeep": _bytes(b"[" * 100_000),
    "choicesnull": _with(choices=None),
    "choicesempty": _with(choices=[]),
    "choicesobject": _with(choices={}),
    "choicestext": _with(choices="x"),
    "choicenull": _with(choices=[None]),
    "choiceslong": _with(choices=[1] * 100_000),
    "messagetext": _with(choices=[{"message": "x"}]),
    "messagenull": _with(choices=[{"message": None}]),
    "messagemissing": _with(choices=[{}]),
    "contentobject": _message(content={"a": 1}),
    "contentnumbers": _message(content=[1, 2]),
    "contentnumber": _message(content=7),
    "contenttrue": _message(content=True),
    "contentnull": _message(content=None),
    "partsempty": _message(content=[{"type": "text"}]),
    "partnull": _message(content=[None]),
    "objectrefusal": _message(content={"a": 1}, refusal="no"),
    "nullrefusal": _message(content=None, refusal="no" + ESCAPES),
    "numberrefusal": _message(content="x", refusal=7),
    "usagetext": _with(usage="many"),
    "usagelist": _with(usage=[1]),
    "usagenegative": _usage(prompt_tokens=-1_000_000),
    "usagehuge": _usage(completion_tokens=10**12),
    "usagelonger": lambda body: _dumped(_good(body))[:-1] + b', "usage": {"prompt_tokens": ' + b"9" * 6_000 + b"}}",
    "usagefloat": _usage(prompt_tokens=1.5),
    "usagenan": _usage(prompt_tokens=float("nan")),
    "usageinfinite": _usage(prompt_tokens=float("inf")),
    "usagestrings": _usage(prompt_tokens="5"),
    "usagetrue": _usage(prompt_tokens=True),
    "cachednegative": _usage(prompt_tokens_details={"cached_tokens": -5}),
    "cachedtext": _usage(prompt_tokens_details="x"),
    "finishnumber": _finish(3),
    "finishobject": _finish({}),
    "longtext": _message(content="ا" * 40_000),
    "slowregex": _message(content="\\(" * 20_000),
    "innerdeep": _message(content='{"translations": ' + "[" * 5_000 + "]" * 5_000 + "}"),
    "innerlevels": _message(content='{"translations": [{"id": 1, "x": ' + "[" * 300 + "]" * 300 + "}]}"),
    "innerinfinity": _message(content='{"translations": [{"id": 1e999}]}'),
    "innerobject": _message(content='{"translations": {"id": 1}}'),
    "innernumbers": _message(content='{"translations": [{"id": 1, "question": 5, "answer": []}]}'),
    "addedimages": _changed(lambda text: text.replace("ا", "<image> <image> ا")),
}
SHAPES = {**TAKEN, **REFUSED}

HTML = b"<html><body>" + ESCAPES.encode() + b" went wrong</body></html>"
BOMB = gzip.compress(bytes(50_000_000))


def http(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


def _endless(head: bytes, piece: bytes, pause: float = 0.0) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def sent(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:  # until the client hangs up
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return sent


_OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_CHUNKED = _OPEN + b"Transfer-Encoding: chunked\r\n\r\n"
Sent = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]

# Replies that are no proper ones, whatever was asked.
TRANSPORT: dict[str, Sent] = {
    "nothing": b"",
    "closedinhead": b"HTTP/1.1 200",
    "closedinbody": http(200, b'{"choices": [', length=5_000),
    "shortlength": http(200, b'{"choices": [1, 2, 3]}', length=5),
    "negativelength": http(200, b"{}", length=-5),
    "twogigabytes": _endless(http(200, b"", length=2 * 2**30), b" " * 65_536),
    "endlessstream": _endless(_OPEN + b"\r\n", b" " * 65_536),
    "endlesschunks": _endless(_CHUNKED, b"8000\r\n" + b" " * 0x8000 + b"\r\n"),
    "chunkgarbage": _CHUNKED + b"zz\r\nhello",
    "chunkhuge": _CHUNKED + b"f" * 100_000 + b"\r\n",
    "slow": _endless(_OPEN + b"\r\n", b" ", 0.05),
    "slowhead": _endless(_OPEN, b"X", 0.05),
    "endlessheaders": _endless(_OPEN, b"X-A: " + b"a" * 1_000 + b"\r\n"),
    "endlessheader": _endless(_OPEN + b"X-A: ", b"a" * 65_536),
    "informed": _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 50, 0.001),
    "nohttp": b"SSH-2.0-OpenSSH_9\r\n\r\n",
    "statustext": b"HTTP/1.1 abc OK\r\n\r\n",
    "nobody": http(204),
    "partial": http(206, b"{}"),
    "gzipbomb": http(200, BOMB, "Content-Encoding: gzip"),
    "gzipbombs": http(200, gzip.compress(BOMB), "Content-Encoding: gzip, gzip"),
    "deflatebomb": http(200, zlib.compress(bytes(50_000_000)), "Content-Encoding: deflate"),
    "brotli": http(200, b"\x00\x01", "Content-Encoding: br"),
    "gziperror": http(500, BOMB, "Content-Encoding: gzip"),
    "charsetbomb": http(500, zlib.compress(bytes(50_000_000)), "Content-Type: text/html; charset=zlib_codec"),
    "endlesserror": _endless(b"HTTP/1.1 500 No\r\n\r\n", b"x" * 65_536),
    "badhtml": http(400, HTML, "Content-Type: text/html"),
    "teapot": http(418, HTML),
    "toolarge": http(413, _dumped({"error": {"message": ["a"], "code": {}, "param": 5}})),
    "unprocessable": http(422, b"null"),
    "errorlist": http(400, b"[[]]"),
    "errordeep": http(400, b"[" * 100_000),
    "errorkey": http(400, _dumped({"error": {"message": f"your key {SECRET} {ESCAPES}", "code": SECRET}})),
    "serverhtml": http(500, HTML),
    "gateway": http(502, b"\xff\xfe"),
    "odd": http(599, b"{}"),
    "busynegative": http(429, b"{}", "Retry-After: -5"),
    "busypast": http(429, b"{}", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"),
    "busywords": http(429, b"{}", "Retry-After: soon"),
    "busynan": http(429, b"{}", "retry-after-ms: nan"),
    "busyhtml": http(429, HTML, "Retry-After: 0"),
    "unavailable": http(503, HTML, "Retry-After: 0.01"),
}

# Replies that every request would get: the run stops.
FATAL: dict[str, tuple[Sent, str]] = {
    "moved": (http(301, b"", "Location: http://elsewhere.example/v1"), "redirects to http://elsewhere.example/v1"),
    "temporary": (http(307, b"", "Location: /again/v1/chat/completions"), "how.base_url"),
    "nowhere": (http(302), "redirects to another address"),
    "javascript": (http(303, b"", "Location: javascript:\tx"), "redirects to javascript:"),
    "unauthorized": (http(401, HTML), "wants a key"),
    "forbidden": (http(403, HTML), "does not allow this key"),
    "missing": (http(404, HTML), "has no model"),
    "credit": (http(429, _dumped({"error": {"code": "insufficient_quota", "message": 5}})), "no credit left"),
    "unsupported": (
        http(400, _dumped({"error": {"code": "unknown_parameter", "param": f"a{ESCAPES}"}})),
        "does not accept",
    ),
}
