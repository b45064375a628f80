"""A loopback server for OpenAI's protocol (chat completions, files, batches) that enforces limits and injects faults.

    python tests/openai_server.py '{"faults": {"429": 0.1}, "latency": 0.5}'      prints its port

`openai_answers.py` defines its answers. /log lists the requests it received. Models named reasoning... accept neither
max_tokens nor temperature, like OpenAI's own. Which request gets which fault depends on its content and on how often it
came, so that runs are reproducible.
"""

import asyncio
import hashlib
import json
import random
import sys
import time
from collections import Counter
from typing import Any

from aiohttp import web
from openai_answers import completion, error, gemini_error, things, unknown, unsupported

PATHS = {"openai": "/v1", "azure": "/openai/v1", "gemini": "/v1beta/openai"}


class Server:
    def __init__(
        self,
        faults: dict[str, float],
        latency: float = 0.0,
        rpm: float | None = None,
        key: str | None = None,
        stamps: str | None = None,
        provider: str = "openai",
    ) -> None:
        """stamps: a file to which the time of each answer is written. provider: whose paths, keys and errors to use."""
        self.provider, self.tries = provider, 0
        self.faults, self.latency, self.rpm, self.key = faults, latency, rpm, key
        self.stamps = open(stamps, "w") if stamps else None  # noqa: SIM115
        self.asked: Counter[str] = Counter()  # text of a unit → how often an answer to it was sent
        self.came: Counter[str] = Counter()  # request → how often it came
        self.served = self.refused = 0
        self.times: list[float] = []
        self.files: dict[str, tuple[str, bytes]] = {}
        self.batches: dict[str, dict[str, Any]] = {}

    def app(self) -> web.Application:
        app = web.Application(client_max_size=300 * 2**20)
        app.router.add_post(f"{PATHS[self.provider]}/chat/completions", self.chat)
        app.router.add_post("/v1/files", self.upload)
        app.router.add_get("/v1/files", self.list_files)
        app.router.add_get("/v1/files/{id}/content", self.content)
        app.router.add_post("/v1/batches", self.create)
        app.router.add_get("/v1/batches", self.list_batches)
        app.router.add_get("/v1/batches/{id}", self.retrieve)
        app.router.add_get("/log", self.log)
        return app

    def drawn(self, content: str) -> str | None:
        """Return the fault that this request gets this time."""
        seed = hashlib.md5(f"{content} {self.came[content]}".encode(), usedforsecurity=False).hexdigest()
        kinds = [*self.faults, None]
        return random.Random(seed).choices(kinds, [*self.faults.values(), max(0.0, 1 - sum(self.faults.values()))])[0]

    async def chat(self, request: web.Request) -> web.StreamResponse:
        self.tries += 1
        if wrong := self.wrong_key(request):
            return wrong
        body = await request.json()
        if self.provider == "gemini" and (wrong := unknown(body)):
            return wrong
        if body["model"] == "none":
            return error(404, "The model `none` does not exist", "model_not_found")
        if wrong := unsupported(body):
            return wrong
        content = json.dumps(body["messages"], ensure_ascii=False)
        fault = self.drawn(content)
        self.came[content] += 1
        now = time.monotonic()
        if self.rpm:
            self.times = [t for t in self.times if now - t < 60]
            if len(self.times) >= self.rpm:
                self.refused += 1
                return error(429, "Rate limit reached", "rate_limit_exceeded", {"Retry-After": "1"})
            self.times.append(now)
        if self.latency:
            await asyncio.sleep(self.latency)
        if fault in ("429", "429-after", "500", "503", "400"):
            headers = {"retry-after-ms": "20"} if fault == "429-after" else {}
            return error(int(fault[:3]), f"injected {fault}", "injected", headers)
        if fault == "drop":
            assert request.transport
            request.transport.close()
            return web.Response()
        if fault == "hang":
            response = web.StreamResponse(headers={"Content-Type": "application/json"})
            await response.prepare(request)
            for _ in range(10_000):  # a byte now and then, without end
                await response.write(b" ")
                await asyncio.sleep(0.05)
        answer = completion(body, fault)
        if fault == "torn":
            return web.Response(text=json.dumps(answer)[:80], content_type="application/json")
        self.served += 1
        if self.stamps:
            print(time.monotonic(), file=self.stamps, flush=True)
        for item in things(body):
            self.asked[json.dumps({k: v for k, v in item.items() if k != "id"}, ensure_ascii=False)] += 1
        return web.json_response(answer)

    def wrong_key(self, request: web.Request) -> web.Response | None:
        bearer = request.headers.get("Authorization")
        if self.provider == "azure":  # it takes a bearer for a login, and looks no further
            wrong = bearer or request.headers.get("api-key") != self.key
            return error(401, "Access denied due to invalid subscription key", "401") if wrong else None
        if not self.key or bearer == f"Bearer {self.key}":
            return None
        if self.provider == "gemini":
            return gemini_error("API key not valid. Please pass a valid API key.")
        return error(401, f"Incorrect API key provided: {bearer}", "invalid_api_key")

    async def log(self, request: web.Request) -> web.Response:
        most = self.asked.most_common(1)
        return web.json_response(
            {
                "tries": self.tries,
                "served": self.served,
                "refused": self.refused,
                "units": len(self.asked),
                "answers": sum(self.asked.values()),
                "most": most[0][1] if most else 0,
                "asked": dict(self.asked) if request.query.get("all") else {},
                "files": len(self.files),
                "batches": [
                    {"id": b["id"], "status": b["status"], "requests": b["request_counts"]["total"]}
                    for b in self.batches.values()
                ],
            }
        )

    # Files and batches

    async def upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        name = f"file-{len(self.files)}"
        field = form["file"]
        assert isinstance(field, web.FileField)
        self.files[name] = field.filename, field.file.read()
        return web.json_response(self.file(name))

    def file(self, name: str) -> dict[str, Any]:
        filename, data = self.files[name]
        return {
            "id": name,
            "object": "file",
            "bytes": len(data),
            "created_at": 1,
            "filename": filename,
            "purpose": "batch",
        }

    async def list_files(self, request: web.Request) -> web.Response:
        return web.json_response(
            {"object": "list", "data": [self.file(name) for name in self.files], "has_more": False}
        )

    async def content(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["id"]][1])

    async def create(self, request: web.Request) -> web.Response:
        body = await request.json()
        lines = self.files[body["input_file_id"]][1].decode().splitlines()
        name = f"batch_{len(self.batches)}"
        self.batches[name] = {
            "id": name,
            "object": "batch",
            "endpoint": body["endpoint"],
            "input_file_id": body["input_file_id"],
            "completion_window": "24h",
            "created_at": 1,
            "metadata": body.get("metadata"),
            "status": "validating",
            "request_counts": {"total": len(lines), "completed": 0, "failed": 0},
        }
        if "lost_create" in self.faults and name == "batch_0":  # the batch is created, but the client is not told
            assert request.transport
            request.transport.close()
        return web.json_response(self.batches[name])

    async def list_batches(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": list(self.batches.values()), "has_more": False})

    async def retrieve(self, request: web.Request) -> web.Response:
        """Return a batch, which advances one step each time it is requested."""
        batch = self.batches[request.match_info["id"]]
        if batch["status"] == "validating":
            batch["status"] = "in_progress"
            number = int(batch["id"].split("_")[1])
            if "refused" in self.faults and number == 0:
                batch["status"] = "failed"
                batch["errors"] = {"object": "list", "data": [{"code": "billing", "message": "Hard limit reached"}]}
            if "over_quota" in self.faults and number == 0:
                batch["status"] = "failed"
                said = {"code": "token_limit_exceeded", "message": "Enqueued token limit reached"}
                batch["errors"] = {"object": "list", "data": [said]}
        elif batch["status"] == "in_progress":
            self.finish(batch)
        return web.json_response(batch)

    def finish(self, batch: dict[str, Any]) -> None:
        """Write output and error files, in another order, with some rows missing and some twice, as the faults say."""
        good, bad = [], []
        for line in self.files[batch["input_file_id"]][1].decode().splitlines():
            row = json.loads(line)
            content = json.dumps(row["body"]["messages"], ensure_ascii=False)
            fault = self.drawn(content)
            self.came[content] += 1
            row_id = {"id": "r", "custom_id": row["custom_id"]}
            if "all_400" in self.faults and batch["id"] == "batch_0":
                said = {"error": {"message": "injected", "code": "bad_schema"}}
                bad.append({**row_id, "response": {"status_code": 400, "body": said}, "error": None})
                continue
            if "all_fail" in self.faults or fault == "500":
                said = {"error": {"message": "injected", "code": "server_error"}}
                bad.append({**row_id, "response": {"status_code": 500, "body": said}, "error": None})
                continue
            if fault == "expired":
                bad.append({**row_id, "response": None, "error": {"code": "batch_expired", "message": "not in time"}})
            if fault in ("expired", "missing_row"):
                continue
            for item in things(row["body"]):
                self.asked[json.dumps({k: v for k, v in item.items() if k != "id"}, ensure_ascii=False)] += 1
            self.served += 1
            answer = {"status_code": 200, "request_id": "x", "body": completion(row["body"], fault)}
            good += [{**row_id, "response": answer, "error": None}] * (2 if fault == "twice" else 1)
        random.Random(0).shuffle(good)
        batch["status"] = "expired" if "expired" in self.faults else "completed"
        batch["request_counts"] |= {"completed": len(good), "failed": len(bad)}
        for key, rows in (("output_file_id", good), ("error_file_id", bad)):
            if rows:
                name = f"file-{len(self.files)}"
                self.files[name] = (
                    f"{key}.jsonl",
                    "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode(),
                )
                batch[key] = name


async def serve(settings: dict[str, Any]) -> None:
    runner = web.AppRunner(Server(**{"faults": {}, **settings}).app(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}))
