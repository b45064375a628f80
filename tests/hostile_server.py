"""A loopback server of plain sockets that sends what `hostile_answers` holds.

The path says when it is hostile: /content/v1 answers each chat completion as the word in its content says (`case NAME`),
/all-NAME/v1 answers everything so, and /STEP-NAME/v1 one step of a batch. All else works.
"""

import asyncio
import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hostile_answers import ESCAPES, FATAL, SECRET, SHAPES, TRANSPORT, Sent, http
from openai_answers import completion

_FORM = re.compile(rb'filename="([^"]+)".*?\r\n\r\n(.*?)\r\n--', re.S)


class State:
    """The files and the batch of one path."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[str, bytes]] = {}
        self.batches: dict[str, dict[str, Any]] = {}


def named(name: str, body: dict[str, Any]) -> Sent:
    """Return what is sent under this name to a chat completion's request."""
    if name in SHAPES:
        return http(200, SHAPES[name](body), "Content-Type: application/json")
    return TRANSPORT[name] if name in TRANSPORT else FATAL[name][0]


def case(body: dict[str, Any]) -> str:
    found = re.search(r"case (\w+)", json.dumps(body["messages"]))
    return found[1] if found else "good"


def row(name: str, custom_id: str, body: dict[str, Any]) -> bytes:
    """Return the line of an output file for a request."""
    start = b'{"custom_id": ' + json.dumps(custom_id).encode()
    rows: dict[str, bytes] = {
        "rownull": b"null",
        "rowlist": b"[]",
        "rowid": b'{"custom_id": 7}',
        "rowids": b'{"custom_id": ["a"]}',
        "rowunknown": b'{"custom_id": "unknown", "response": {"status_code": 200}}',
        "rowshort": start,
        "rowresponse": start + b', "response": "x"}',
        "rowstatus": start + b', "response": {"status_code": "200", "body": {}}}',
        "rowbody": start + b', "response": {"status_code": 200}}',
        "rowerror": start + b', "response": null, "error": "x"}',
        "rowerrors": start + b', "error": [1]}',
        "rowcode": start + b', "error": {"code": {}, "message": 5}}',
        "rowfailed": start + b', "response": {"status_code": 500, "body": [1]}}',
        "rowescapes": start + b', "error": ' + json.dumps({"code": ESCAPES, "message": SECRET}).encode() + b"}",
        "rowlong": start + b" " * 1_200_000 + b"}",
        "rowrefused": start + b', "response": {"status_code": 400, "body": {"error": {"message": "bad"}}}}',
    }
    if name in rows:
        return rows[name]
    shape = SHAPES[name](body) if name in SHAPES else json.dumps(completion(body, None)).encode()
    return start + b', "response": {"status_code": 200, "body": ' + shape + b"}}"


def step(state: State, method: str, path: str, data: bytes) -> tuple[str, bytes]:
    """Return (name, right body) of a step of a batch."""
    if path.startswith("/files") and method == "POST":
        found = _FORM.search(data)
        assert found
        name = f"file-{len(state.files)}"
        state.files[name] = found[1].decode(), found[2]
        return "upload", json.dumps({"id": name, "filename": found[1].decode()}).encode()
    if path.startswith("/files/"):
        return "download", state.files[path.split("/")[2]][1]
    if path.startswith("/files"):
        listed = [{"id": name, "filename": filename} for name, (filename, _) in state.files.items()]
        return "listfiles", json.dumps({"data": listed, "has_more": False}).encode()
    if method == "POST":
        asked = json.loads(data)
        lines = map(json.loads, state.files[asked["input_file_id"]][1].splitlines())
        rows = b"\n".join(row(case(line["body"]), line["custom_id"], line["body"]) for line in lines)
        name, out = f"batch-{len(state.batches)}", f"file-{len(state.files)}"
        state.files[out] = "out.jsonl", rows
        made = {"id": name, "status": "completed", "output_file_id": out, "metadata": asked["metadata"]}
        state.batches[name] = made
        return "create", json.dumps(made).encode()
    if path.startswith("/batches/"):
        return "retrieve", json.dumps(state.batches[path.split("/")[2]]).encode()
    return "listbatches", json.dumps({"data": list(state.batches.values())}).encode()


class Server:
    def __init__(self) -> None:
        self.states: dict[str, State] = defaultdict(State)
        self.calls: dict[str, int] = defaultdict(int)  # by mode
        self.steps: dict[str, Sent] = dict(TRANSPORT)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            if (first := await reader.readexactly(1)) == b"\x16":  # TLS, which this server does not speak
                writer.write(http(400))
                return writer.close()
            head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            if length := re.search(r"(?i)content-length: (\d+)", head):
                data = await reader.readexactly(int(length[1]))
            elif "chunked" in head.lower():
                data = b""
                while size := int((await reader.readline()).strip(), 16):
                    data += await reader.readexactly(size)
                    await reader.readline()
            else:
                data = b""
            method, path, _ = head.split(" ", 2)
            sent = self.reply(method, path.partition("?")[0], data)
            if isinstance(sent, bytes):
                writer.write(sent)
                await writer.drain()
            else:
                await sent(writer)
        with suppress(ConnectionError):
            writer.close()

    def reply(self, method: str, path: str, data: bytes) -> Sent:
        _, mode, _, rest = path.split("/", 3)
        self.calls[mode] += 1
        when, _, name = mode.partition("-")
        if rest == "chat/completions":
            body = json.loads(data)
            if mode == "busy" and self.calls[mode] == 1:
                return http(429, b"{}", "Retry-After: 99999999999")
            return named(name if when == "all" else case(body), body)
        if when == "all":
            return named(name, {"messages": [{"role": "user", "content": "[]"}], "model": "x"})
        which, right = step(self.states[mode], method, f"/{rest}", data)
        if which != when:
            return http(200, right, "Content-Type: application/json")
        return self.steps[name] if name in self.steps else http(200, WRONG[name])


WRONG = {  # replies to a step of a batch
    "null": b"null",
    "list": b"[]",
    "text": b'"x"',
    "ids": b'{"id": 7, "data": [{"id": 7}], "status": "completed"}',
    "escapes": json.dumps({"id": ESCAPES, "status": ESCAPES, "data": [{"id": ESCAPES}]}).encode(),
    "key": json.dumps({"id": SECRET, "status": "failed", "errors": {"data": [{"message": SECRET}]}}).encode(),
    "more": b'{"data": [{"id": "a", "status": "x"}], "has_more": true}',
    "deep": b"[" * 100_000,
    "errors": b'{"id": "a", "status": "failed", "errors": {"data": "x"}}',
}


@contextmanager
def hostile() -> Iterator[tuple[str, Server]]:
    """Yield the address of a running server, to be followed by a mode and /v1, and the server."""
    server, loop, started = Server(), asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []

    async def main() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=2**26, backlog=1_024)
        ports.append(listening.sockets[0].getsockname()[1])
        started.set()
        await asyncio.Event().wait()

    def run() -> None:
        with suppress(RuntimeError):
            loop.run_until_complete(main())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    started.wait()
    try:
        yield f"http://127.0.0.1:{ports[0]}", server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
