"""The survey among strangers: hostile requests and answers, and what is not stored."""

import asyncio
import re
from pathlib import Path

from surveyed import HOSTILE, person, served, stored


def test_forms_of_other_sites_and_what_is_too_long_are_refused(own_survey: Path) -> None:
    async def visit(address: str) -> None:
        async with person(address) as one:
            await one.begin()
            page = one.page
            for headers, given, status in (
                ({"Origin": "https://evil.example"}, {"choice": "1"}, 403),
                ({"Origin": "null"}, {"choice": "1"}, 403),
                ({"Sec-Fetch-Site": "cross-site"}, {"choice": "1"}, 403),
                ({}, {"choice": "1", "key": "0" * 64}, 403),
                ({}, {"choice": "1", "key": "ключ"}, 403),
                ({}, {"choice": "1", "more": "x" * 20_000}, 413),
                ({"Content-Type": "application/x-www-form-urlencoded; charset=none"}, {"choice": "1"}, 400),
                ({"Content-Type": "text/plain"}, {"choice": "1"}, 415),
                ({}, {"choice": "9" * 5_000}, 422),
                ({}, {"choice": "0"}, 422),
                ({}, {"choice": "mine"}, 422),
                ({}, {"choice": HOSTILE}, 422),
            ):
                one.page, one.path = page, "/question/1"
                assert await one.send(headers, **given) == status, (headers, given)
                assert HOSTILE not in one.page
                assert 'lang="ar"' in one.page
            for path in ("/question/99", "/question/0", "/images/survey.json", "/images/..%2fsurvey.json", "/nothing"):
                assert await one.open(path) == 404
            one.page, one.path = page, "/about"
            assert await one.send(choice="Atlantis") == 422
        async with person(address) as stranger:  # without a cookie
            stranger.page, stranger.path = page, "/question/1"
            assert await stranger.send(choice="1") == 403

    with served(own_survey) as (address, process):
        asyncio.run(visit(address))
        process.kill()
        said = process.communicate()[1]
    assert stored(own_survey).given() == []
    assert "Traceback" not in said
    assert "127.0.0.1" not in said


def test_pages_run_nothing_and_texts_are_texts(own_survey: Path) -> None:
    async def visit(address: str) -> None:
        async with person(address) as one:
            await one.open("/")
            cookie = one.cookie
            assert {"HttpOnly", "SameSite=Lax"} <= set(re.split("; ?", cookie))
            assert "Secure" not in cookie
            await one.begin()
            assert HOSTILE in one.texts
            assert "<script" not in one.page
            assert "<img src=x" not in one.page
            policy = one.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe-inline" not in policy
            assert one.headers["Cache-Control"] == "no-store"
            assert one.headers["Referrer-Policy"] == "same-origin"
            assert one.headers["Server"] == "ain"

    with served(own_survey) as (address, _):
        asyncio.run(visit(address))


def test_nothing_but_what_is_asked_is_stored(own_survey: Path) -> None:
    async def visit(address: str) -> str:
        async with person(address) as one:
            await one.begin("UAE")
            await one.finish(2)
            return one.token

    with served(own_survey) as (address, process):
        token = asyncio.run(visit(address))
        process.kill()
        said = process.communicate()[1]
    answers = stored(own_survey)
    columns = {name for _, name, *_ in answers._reading.execute("PRAGMA table_info(participant)")}
    assert columns == {"number", "key", "source", "agreed", "nationality", "dialect"}
    files = b"".join(path.read_bytes() for path in own_survey.glob("answers.sqlite*"))
    for kept_out in (token, "127.0.0.1", "aiohttp"):  # the token, the address, the user agent
        assert kept_out.encode() not in files
        assert kept_out not in said
