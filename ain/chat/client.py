"""A client of OpenAI's protocol that takes no more from a server than it asked for.

Each call has a limit on the bytes of its reply, error bodies included, and on its whole time, however slowly bytes come.
Replies are not compressed, redirects are not followed (the key would go with them), and of the headers only those are
kept that we read: others make a client decode or store what a server likes.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import openai

from ain.chat.protocol import BYTES_PER_TOKEN, NO_KEY, Endpoint

FLOOR = 2**20  # bytes that any reply may have
SLOWEST = 250_000  # bytes a second at which files are sent and fetched
_READ = ("retry-after", "retry-after-ms", "location")

_limit: ContextVar[int] = ContextVar("_limit", default=FLOOR)


class Client:
    """timeout_s: for a whole call."""

    def __init__(self, endpoint: Endpoint, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.openai = openai.AsyncOpenAI(
            **endpoint.credentials(),
            base_url=endpoint.base_url,
            timeout=None,  # ours is for the whole call; the client's restarts with each byte
            max_retries=0,  # our own retries go through the rate limiter
            # this client uses a third of the default's CPU time
            http_client=openai.DefaultAioHttpClient(
                timeout=None,
                follow_redirects=False,
                headers={"Accept-Encoding": "identity"},
                event_hooks={"request": [_without_key], "response": [_guarded]},
            ),
        )

    async def __aenter__(self) -> "Client":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.openai.close()

    async def complete(self, body: dict[str, Any], max_tokens: int) -> bytes:
        """Return the body of the reply to a chat completion's request."""
        return await self.call(
            lambda server: server.post("/chat/completions", cast_to=httpx2.Response, body=body),
            FLOOR + BYTES_PER_TOKEN * max_tokens,
        )

    async def call(
        self, send: Callable[[openai.AsyncOpenAI], Awaitable[Any]], limit: int = FLOOR, sent_bytes: int = 0
    ) -> bytes:
        """Return the body of a reply. Raises openai's errors, and TimeoutError.

        send: returns httpx's response, or openai's raw one. sent_bytes: of a file, which takes its time.
        """
        _limit.set(limit)  # of this task alone, or until its next call
        try:
            async with asyncio.timeout(self.timeout_s + sent_bytes / SLOWEST):
                return bytes((await send(self.openai)).content)
        except (aiohttp.ClientError, httpx2.HTTPError) as error:  # what openai's client leaves as it is
            raise _lost(error) from error

    async def download(self, name: str, path: Path, limit: int) -> None:
        """Write a file of the server to disk."""
        _limit.set(limit)
        try:
            async with asyncio.timeout(self.timeout_s + limit / SLOWEST):
                async with self.openai.files.with_streaming_response.content(name) as response:
                    await response.stream_to_file(path)
        except (aiohttp.ClientError, httpx2.HTTPError) as error:
            raise _lost(error) from error


def _lost(error: Exception) -> openai.APIConnectionError:
    return openai.APIConnectionError(request=httpx2.Request("POST", "http://server"))


async def _without_key(request: httpx2.Request) -> None:
    """Remove the header that the client sends even without a key: a server may prefer it to the right one."""
    if request.headers.get("Authorization") == f"Bearer {NO_KEY}":
        del request.headers["Authorization"]


async def _guarded(response: httpx2.Response) -> None:
    """Limit what the server can make of this response. Raises RemoteProtocolError for a compressed one."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise httpx2.RemoteProtocolError("the reply is compressed, although it was to come as it is")
    kept = {name: response.headers[name] for name in _READ if name in response.headers}
    response.headers = httpx2.Headers({**kept, "content-type": "application/json"})
    response.stream = _Bounded(response.stream, _limit.get())


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: Any, limit: int) -> None:
        self._stream, self._limit = stream, limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = self._limit
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise httpx2.RemoteProtocolError(f"the reply is longer than {self._limit:,} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
