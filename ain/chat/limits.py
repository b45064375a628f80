"""How fast to ask: requests and tokens a minute, how many at once, and when to stop."""

import asyncio
import time

from aiolimiter import AsyncLimiter


class Rates:
    """Requests and tokens a minute, honoured together, first come first served. What is let through at once stays under a
    second's worth.
    """

    def __init__(self, requests_per_minute: float | None, tokens_per_minute: float | None) -> None:
        self._requests = _limiter(requests_per_minute)
        self._tokens = _limiter(tokens_per_minute)
        self._not_before = 0.0
        self._turn = asyncio.Lock()

    async def admit(self, tokens: int) -> None:
        """Returns when a request of so many tokens may be sent."""
        async with self._turn:
            if self._requests:
                await self._requests.acquire()
            left = float(tokens) if self._tokens else 0.0
            while self._tokens and left > 0:  # more than fits at once is waited for piece by piece
                piece = min(left, self._tokens.max_rate)
                await self._tokens.acquire(piece)
                left -= piece
            while (wait := self._not_before - time.monotonic()) > 0:
                await asyncio.sleep(wait)

    def pause(self, seconds: float) -> None:
        """Nothing is admitted for so long: what a `Retry-After` asks for."""
        self._not_before = max(self._not_before, time.monotonic() + seconds)


def _limiter(per_minute: float | None) -> AsyncLimiter | None:
    if not per_minute:
        return None
    burst = max(1.0, per_minute / 60 / 4)  # a quarter of a second's worth
    return AsyncLimiter(burst, burst / (per_minute / 60))


class Gate:
    """How many requests are in flight at once: doubled each round trip until the server rate-limits, then one more each; cut
    by a third when it does.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.room = min(16.0, most)
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

    def went_well(self) -> None:
        if self._inside > self.room / 2:  # else the room is not what holds us up
            self.room = min(self.most, self.room + (1.0 if not self._limited_at else 1 / self.room))

    def limited(self) -> None:
        """Too many requests, or too slow. All that were sent together are refused together, and count once a second."""
        if time.monotonic() - self._limited_at > 1.0:
            self._limited_at = time.monotonic()
            self.room = max(1.0, self.room * 2 / 3)


class Patience:
    """The circuit breaker: over when for so many seconds every request has failed, and at least ten of them."""

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
