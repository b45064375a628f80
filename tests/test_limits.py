"""Rate limits: requests and tokens per minute, and waits that the server requests."""

import asyncio
import time
from itertools import pairwise
from pathlib import Path

from asking import Serve, good, log, words
from commands import ain

from ain.chat.limits import Rates


def test_limits_are_kept(vqa: Path, tmp_path: Path, serve: Serve) -> None:
    """The server counts requests and would refuse more than 900 a minute, which is 15 a second."""
    url = serve(rpm=900)
    limits = ("translator.how.requests_per_minute=900", "source.limit=100", "thresholds=none")
    started = time.monotonic()
    good(ain(*words(vqa, tmp_path, url, *limits)))
    took = time.monotonic() - started
    asked = log(url)
    assert asked["refused"] == 0
    assert took > (asked["served"] - 20) / 15


def test_tokens_a_minute_are_kept_in_turn() -> None:
    """Each second stays within its share, whatever the number and length of waiting requests."""
    rates, admitted = Rates(None, 60_000), list[tuple[float, int]]()

    async def one(number: int) -> None:
        await rates.admit(400)
        admitted.append((time.monotonic(), number))

    async def all_() -> None:
        await asyncio.gather(*(one(number) for number in range(8)))

    asyncio.run(all_())
    times = [at for at, _ in admitted]
    assert [number for _, number in admitted] == list(range(8))
    assert all(later - sooner >= 0.3 for sooner, later in pairwise(times[1:]))


def test_a_wait_that_is_asked_for_holds_up_those_who_queue_already() -> None:
    rates, admitted = Rates(1_200, None), list[float]()

    async def one() -> None:
        await rates.admit(1)
        admitted.append(time.monotonic())

    async def all_() -> float:
        waiting = [asyncio.create_task(one()) for _ in range(30)]
        await asyncio.sleep(0.3)
        rates.pause(0.8)
        paused = time.monotonic()
        await asyncio.gather(*waiting)
        return paused

    paused = asyncio.run(all_())
    assert not [at for at in admitted if paused + 0.05 < at < paused + 0.75]
