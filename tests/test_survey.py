"""The blind survey as participants meet it: a real server, real forms, killed processes."""

import asyncio
import re
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from surveyed import ASKED, MODELS, built, person, served, stored

from ain.survey.answers import Given, choose, join
from ain.survey.definition import read_survey
from ain.survey.results import Results, balance

MANY = 40


def test_a_participant_leaves_and_returns_on_another_device(own_survey: Path) -> None:
    async def visit(address: str) -> None:
        async with person(address) as one:
            assert await one.open("/question/3") == 200
            assert one.path == "/"  # nothing without consent
            assert '<html lang="ar" dir="rtl">' in one.page
            assert await one.send() == 422  # not agreed
            await one.begin()
            assert one.path == "/question/1"
            assert sorted(one.texts) == sorted(ASKED[0][3])
            assert "الجواب الصحيح</dt>" in one.page
            assert not any(model in one.page for model in MODELS)
            await one.choose(ASKED[0][3][0])
            assert await one.send() == 422  # nothing chosen
            assert 'role="alert"' in one.page
            await one.choose(ASKED[1][3][0])
            link = one.link
            assert await one.open("/thanks") == 200
            assert one.path == "/question/3"  # the first open step
        async with person(address) as other:
            assert await other.open(link) == 200
            assert other.path == "/question/3"
            assert await other.open("/question/1") == 200
            assert re.search(r'value="\d" required checked', other.page)
            await other.choose(ASKED[0][3][1])  # changes the answer
            assert await other.open("/") == 200
            await other.finish(1)
            assert await other.open("/continue/" + "x" * 32) == 404

    with served(own_survey) as (address, _):
        asyncio.run(visit(address))
    answers = stored(own_survey)
    (participant,) = answers.participants()
    assert (participant.nationality, participant.dialect) == ("Egypt", "prefer MSA")
    assert answers.chosen(participant.number) == {1: "theirs", 2: "mine", 3: "theirs", 4: "theirs"}


def test_what_is_sent_twice_counts_once(own_survey: Path) -> None:
    async def visit(address: str) -> None:
        async with person(address) as one:
            await one.open("/")
            page, path = one.page, one.path

            async def click(**given: str) -> None:
                one.page, one.path = page, path
                await one.send(**given)

            await asyncio.gather(*(click(agree="yes") for _ in range(3)))
            await one.open("/about")
            await one.send(choice="Egypt")
            page, path = one.page, one.path
            await asyncio.gather(*(click(choice="2") for _ in range(4)))

    with served(own_survey) as (address, _):
        asyncio.run(visit(address))
    answers = stored(own_survey)
    assert len(answers.participants()) == 1
    assert len(answers.given()) == 1


def everyone(folder: Path, count: int) -> None:
    """Let `count` participants answer at once, and check that nothing is lost and that orders are balanced."""

    async def one(address: str, number: int) -> None:
        async with person(address) as participant:
            await participant.begin()
            await participant.finish(number % 3)

    async def all_at_once(address: str) -> None:
        await asyncio.gather(*(one(address, number) for number in range(count)))

    with served(folder) as (address, _):
        asyncio.run(all_at_once(address))
    answers, made = stored(folder), read_survey(folder)
    results = Results(made, answers.participants(), answers.given())
    assert (len(results.participants), results.finished, len(results.given)) == (count, count, 4 * count)
    expected = Counter(MODELS[number % 3] for number in range(count))
    for question in range(1, 5):
        assert Counter(one.chosen for one in results.given if one.question == question) == expected
    for one in results.given:
        assert one.shown == made.order(one.participant, one.question)
    p = balance(results.places())
    assert p is not None
    assert p > 0.9


def test_many_at_once_lose_no_answer(own_survey: Path) -> None:
    everyone(own_survey, MANY)


@pytest.mark.slow
def test_five_hundred_at_once_lose_no_answer(own_survey: Path) -> None:
    everyone(own_survey, 500)


def test_a_killed_server_loses_no_acknowledged_answer(own_survey: Path) -> None:
    """Participants answer until the server is killed; what the server had acknowledged by then is stored."""
    acknowledged: dict[str, set[int]] = {}

    async def one(address: str, number: int) -> None:
        async with person(address) as participant:
            await participant.begin()
            link = participant.link
            for question in range(1, 5):
                await participant.choose(ASKED[question - 1][3][0])
                acknowledged.setdefault(link, set()).add(question)
                await asyncio.sleep(0.05 * number)

    async def until_killed(address: str, kill: object) -> None:
        tasks = [asyncio.create_task(one(address, number)) for number in range(1, 6)]
        while sum(map(len, acknowledged.values())) < 8:
            await asyncio.sleep(0.01)
        assert callable(kill)
        kill()
        await asyncio.gather(*tasks, return_exceptions=True)

    with served(own_survey) as (address, process):
        asyncio.run(until_killed(address, process.kill))
    assert 8 <= sum(map(len, acknowledged.values())) < 20
    answers = stored(own_survey)
    for link, done in acknowledged.items():
        participant = answers.participant(link.rpartition("/")[2])
        assert participant
        assert done <= set(answers.chosen(participant.number))


def test_a_commit_waits_for_the_disk(own_survey: Path) -> None:
    """A kill of the process proves nothing about a power cut; this is what SQLite promises about one."""
    answers = stored(own_survey)
    assert answers._writing.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert answers._writing.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    with pytest.raises(sqlite3.IntegrityError):  # all or nothing
        answers.write([join("a"), choose(Given(7, 1, "mine", None))])
    assert answers.participants() == []
    assert oct(answers.path.stat().st_mode)[-3:] == "600"


def test_by_invitation_only_links_take_part(tmp_path: Path) -> None:
    folder = built(tmp_path, "--participants", "2")
    links = (folder / "links.txt").read_text(encoding="utf-8").split()
    assert len(set(links)) == 2

    async def visit(address: str) -> None:
        async with person(address) as one:
            assert await one.open("/") == 403
            assert "بدعوة" in one.page
            assert await one.open(links[1]) == 200
            assert one.path == "/"
            assert await one.send(agree="yes") == 200
            assert await one.send(choice="Egypt") == 200
            await one.finish(0)

    with served(folder, "--url", "https://survey.example.org") as (address, _):
        assert address == "https://survey.example.org"
    with served(folder) as (address, _):
        asyncio.run(visit(address))
    agreed = [one.agreed for one in stored(folder).participants()]
    assert agreed == [False, True]
