"""The blind survey as participants meet it: a real server, real forms, killed processes, hostile requests."""

import asyncio
import json
import re
import shutil
import sqlite3
from collections import Counter
from pathlib import Path

import pytest
from surveyed import ASKED, HOSTILE, MODELS, built, graded_models, person, served, survey
from test_pipeline import Stages

from ain import UserError
from ain.cli.survey import main
from ain.storage.shards import Shards
from ain.survey import questions
from ain.survey.answers import Answers, Given, choose, join
from ain.survey.definition import read_survey
from ain.survey.folder import check_new
from ain.survey.page import write_report
from ain.survey.results import Results, balance

MANY = 40


def stored(folder: Path) -> Answers:
    return Answers(folder, read_survey(folder))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A survey that tests do not answer."""
    return built(tmp_path_factory.mktemp("built"))


@pytest.fixture
def fresh(folder: Path, tmp_path: Path) -> Path:
    """A survey of its own for a test that answers it."""
    return Path(shutil.copytree(folder, tmp_path / "survey"))


def test_a_survey_is_built_from_graded_answers(folder: Path) -> None:
    made = read_survey(folder)
    assert made.models == list(MODELS)
    assert [question.text for question in made.questions] == [text for text, *_ in ASKED]
    assert [question.truth for question in made.questions] == [label for _, _, label, _ in ASKED]
    assert [answer.right for answer in made.questions[0].answers.values()] == [True, False, False]
    for question in made.questions:
        assert [(image.width, image.height) for image in question.images] == [(40, 30)]
        assert all((folder / "images" / image.file).is_file() for image in question.images)


def test_questions_are_drawn_from_all_domains(folder: Path) -> None:
    jobs = {path.name: [path] for path in (folder.parent / "data").glob("*-grade-*")}
    found = questions.candidates(questions.evaluations(jobs, ["mine", "other"]))
    chosen = questions.drawn(found, 6, seed=0)
    assert sorted(Counter(one.domain for one in chosen).values()) == [1, 1, 2, 2]
    assert chosen == questions.drawn(found, 6, seed=0)
    assert chosen != questions.drawn(found, 6, seed=1)
    assert [one.id for one in questions.named(found, ["r5", "r0"])] == ["r5", "r0"]
    with pytest.raises(UserError, match="--questions 9: there are 8 questions"):
        questions.drawn(found, 9, seed=0)
    with pytest.raises(UserError, match="--records r99: not a labelled question"):
        questions.named(found, ["r0", "r99"])
    with pytest.raises(UserError, match="--models nobody: no finished evaluation has it"):
        questions.evaluations(jobs, ["mine", "nobody"])
    with pytest.raises(UserError, match="a survey compares at least two models"):
        questions.evaluations(jobs, ["mine"])


def test_a_model_that_two_jobs_asked_has_two_names(tmp_path: Path) -> None:
    first, second = (graded_models(tmp_path / name)[0] for name in ("one", "two"))
    (found,) = questions.evaluations({"one": [first], "two": [second], "again": [second]}, [])
    assert found.graded == {"mine (one)": first, "mine (two)": second}


def test_a_survey_of_a_real_job(pico: Path, tmp_path: Path, stages: Stages) -> None:
    """Named as `ain status` lists it. Both models' answers, the image and the label are what grade has."""
    (job,) = (path.parent.name for path in (pico / "runs").glob("*/job.json"))
    row = next(row for row in Shards(stages(pico)["grade"][0]).rows() if row["language"] == "ar")
    words = (job, "--records", row["id"], "--to", str(tmp_path / "made"), f"output_dir={pico}")
    result = survey("build", *words)
    assert result.returncode == 0, result.stderr
    made = read_survey(tmp_path / "made")
    (question,) = made.questions
    assert sorted(made.models) == ["base", "tuned"]
    assert (question.record, question.truth, question.domain) == (row["id"], " / ".join(row["labels"]), row["domain"])
    assert row["prediction"] in [answer.text for answer in question.answers.values()]
    assert [(image.width, image.height) for image in question.images] == [(56, 56)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 2}, "version: "),
        ({"colour": "red"}, "colour: "),
        ({"models": ["mine", "theirs"]}, "question 1: expected an answer of each of mine, theirs"),
        ({"title": ""}, "title: "),
        ({"words": {}}, "words: about is missing"),
    ],
)
def test_an_edited_survey_is_checked(fresh: Path, change: dict[str, object], said: str) -> None:
    path = fresh / "survey.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(UserError, match=f"survey.json: {said}"):
        read_survey(fresh)


def test_other_texts_keep_the_answers_and_other_questions_do_not(fresh: Path) -> None:
    stored(fresh).close()
    path = fresh / "survey.json"
    row = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(row | {"title": "عنوان آخر"}), encoding="utf-8")
    stored(fresh).close()
    row["questions"][0]["truth"] = "أحمر"
    path.write_text(json.dumps(row), encoding="utf-8")
    with pytest.raises(UserError, match="holds answers to other questions"):
        stored(fresh)


def test_a_participant_leaves_and_returns_on_another_device(fresh: Path) -> None:
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

    with served(fresh) as (address, _):
        asyncio.run(visit(address))
    answers = stored(fresh)
    (participant,) = answers.participants()
    assert (participant.nationality, participant.dialect) == ("Egypt", "prefer MSA")
    assert answers.chosen(participant.number) == {1: "theirs", 2: "mine", 3: "theirs", 4: "theirs"}


def test_what_is_sent_twice_counts_once(fresh: Path) -> None:
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

    with served(fresh) as (address, _):
        asyncio.run(visit(address))
    answers = stored(fresh)
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


def test_many_at_once_lose_no_answer(fresh: Path) -> None:
    everyone(fresh, MANY)


@pytest.mark.slow
def test_five_hundred_at_once_lose_no_answer(fresh: Path) -> None:
    everyone(fresh, 500)


def test_a_killed_server_loses_no_acknowledged_answer(fresh: Path) -> None:
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

    with served(fresh) as (address, process):
        asyncio.run(until_killed(address, process.kill))
    assert 8 <= sum(map(len, acknowledged.values())) < 20
    answers = stored(fresh)
    for link, done in acknowledged.items():
        participant = answers.participant(link.rpartition("/")[2])
        assert participant
        assert done <= set(answers.chosen(participant.number))


def test_a_commit_waits_for_the_disk(fresh: Path) -> None:
    """A kill of the process proves nothing about a power cut; this is what SQLite promises about one."""
    answers = stored(fresh)
    assert answers._writing.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert answers._writing.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    with pytest.raises(sqlite3.IntegrityError):  # all or nothing
        answers.write([join("a"), choose(Given(7, 1, "mine", None))])
    assert answers.participants() == []
    assert oct(answers.path.stat().st_mode)[-3:] == "600"


def test_forms_of_other_sites_and_what_is_too_long_are_refused(fresh: Path) -> None:
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

    with served(fresh) as (address, process):
        asyncio.run(visit(address))
        process.kill()
        said = process.communicate()[1]
    assert stored(fresh).given() == []
    assert "Traceback" not in said
    assert "127.0.0.1" not in said


def test_pages_run_nothing_and_texts_are_texts(fresh: Path) -> None:
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

    with served(fresh) as (address, _):
        asyncio.run(visit(address))


def test_nothing_but_what_is_asked_is_stored(fresh: Path) -> None:
    async def visit(address: str) -> str:
        async with person(address) as one:
            await one.begin("UAE")
            await one.finish(2)
            return one.token

    with served(fresh) as (address, process):
        token = asyncio.run(visit(address))
        process.kill()
        said = process.communicate()[1]
    answers = stored(fresh)
    columns = {name for _, name, *_ in answers._reading.execute("PRAGMA table_info(participant)")}
    assert columns == {"number", "key", "source", "agreed", "nationality", "dialect"}
    files = b"".join(path.read_bytes() for path in fresh.glob("answers.sqlite*"))
    for kept_out in (token, "127.0.0.1", "aiohttp"):  # the token, the address, the user agent
        assert kept_out.encode() not in files
        assert kept_out not in said


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


def test_mistakes_get_one_sentence(fresh: Path, tmp_path: Path) -> None:
    for words, said in (
        (["serve", str(fresh), "--port", "70000"], "--port 70000: expected a number"),
        (["serve", str(fresh), "--url", "https://a.org/b"], "--url https://a.org/b: expected https://HOST"),
        (["build", "x", "--to", "y", "--questions", "0"], "--questions 0: expected a whole number of at least 1"),
        (["show"], "survey: argument ACTION: invalid choice"),
    ):
        with pytest.raises(UserError, match=said):
            main(words)
    with pytest.raises(UserError, match="holds a survey"):
        check_new(fresh)
    with pytest.raises(UserError, match="nobody has answered"):
        write_report(fresh)
    result = survey("serve", str(tmp_path))
    assert result.returncode == 1
    assert result.stderr.startswith(f"ain: {tmp_path}: no survey: there is no survey.json in it")
    assert result.stderr.count("\n") == 1
