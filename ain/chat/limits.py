"""Rate limits: requests and tokens per minute, concurrency, and a circuit breaker."""

import asyncio
import time

from aiolimiter import AsyncLimiter


class Rates:
    """Limits requests and tokens per minute together, first come first served. Bursts stay under a second's worth."""

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        self._requests = _limiter(requests_per_minute)
        self._tokens = _limiter(tokens_per_minute)
        self._not_before = 0.0
        self._turn = asyncio.Lock()

    async def admit(self, tokens: int) -> None:
        """Wait until a request of this many tokens may be sent."""
        async with self._turn:
            if self._requests:
                await self._requests.acquire()
            left = float(tokens) if self._tokens else 0.0
            while self._tokens and left > 0:  # acquire more than one burst in pieces
                piece = min(left, self._tokens.max_rate)
                await self._tokens.acquire(piece)
                left -= piece
            while (wait := self._not_before - time.monotonic()) > 0:
                await asyncio.sleep(wait)

    def pause(self, seconds: float) -> None:
        """Admit nothing for this long, as a `Retry-After` header asks."""
        self._not_before = max(self._not_before, time.monotonic() + seconds)


def _limiter(per_minute: float | None) -> AsyncLimiter | None:
    if not per_minute:
        return None
    burst = max(1.0, per_minute / 60 / 4)  # a quarter of a second's worth
    return AsyncLimiter(burst, burst / (per_minute / 60))


class Gate:
    """Limits the number of requests in flight.

    The limit doubles each round trip until the server first rate-limits, then grows by one each. It drops by a third
    each time the server rate-limits. A closed gate lets one request pass at a time.
    """

    def __init__(self, most: int, closed: bool = False) -> None:
        self.most = most
        self.room = 1.0 if closed else min(16.0, most)
        self._closed = closed
        self._inside = 0
        self._limited_at = 0.0
        self._free = asyncio.Event()

    async def enter(self) -> None:
        while self._inside >= self.room:
            self._free.clear()
            await self._free.wait()
        self._inside += 1

    def leave(self) -> None:
        self._inside -= 1
        self._free.set()

    def open(self) -> None:
        if self._closed:
            self._closed, self.room = False, min(16.0, self.most)
            self._free.set()

    def went_well(self) -> None:
        if self._inside > self.room / 2:  # otherwise this limit is not the bottleneck
            self.room = min(self.most, self.room + (1.0 if not self._limited_at else 1 / self.room))

    def limited(self) -> None:
        """Lower the limit after a rate limit or timeout. Requests sent together fail together: count one per second."""
        if time.monotonic() - self._limited_at > 1.0:
            self._limited_at = time.monotonic()
            self.room = max(1.0, self.room * 2 / 3)


class Patience:
    """Circuit breaker: `over` once every request has failed for `seconds`, and at least ten have."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._failures = 0
        self._since = time.monotonic()

    def went_well(self) -> None:
        self._failures = 0

    def failed(self) -> None:
        if self._failures == 0:
            self._since = time.monotonic()
        self._failures += 1

    @property
    def over(self) -> bool:
        return self._failures >= 10 and time.monotonic() - self._since >= self.seconds
