"""A survey folder made from evaluations, its real server in a process, and people who fill it in over HTTP."""

import html
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
from graded import graded

from ain.runtime.paths import ROOT
from ain.survey.answers import Answers
from ain.survey.definition import read_survey

MODELS = ("mine", "theirs", "other")
HOSTILE = "</span><script>alert(1)</script><img src=x onerror=alert(1)>"
# Question, domain, label, the answers of MODELS.
ASKED = (
    ("ما لون الورقة المصابة؟", "agro", "أصفر", ("أصفر", "أخضر", HOSTILE)),
    ("كم تقاطعًا في الصورة؟", "rs", "ثلاثة", ("ثلاثة", "اثنان", "لا أعرف")),
    ("هل الضوء أخضر؟", "vqa", "نعم", ("لا", "نعم", "")),
    ("ما النص المكتوب؟", "ocr", HOSTILE, ("توفيرها", "توفير", "توفر")),
)


def graded_models(data: Path) -> list[Path]:
    """Write what grade leaves for MODELS, and return its directories."""

    def row(number: int, model: int) -> dict[str, Any]:
        text, domain, label, answers = ASKED[number % len(ASKED)]
        score = float(answers[model] == label)
        asked = {
            "id": f"r{number}",
            "question": f"<image>\n{text}",
            "domain": domain,
            "labels": [label],
            "language": "ar",
        }
        return asked | {"prediction": answers[model], "parsed": answers[model], "score": score}

    return [graded(data, name, [row(number, place) for number in range(8)]) for place, name in enumerate(MODELS)]


def survey(*words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "ain", "survey", *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False, timeout=300)


def built(where: Path, *words: str) -> Path:
    """Build a survey of four questions and return its folder."""
    directories = map(str, graded_models(where / "data"))
    result = survey("build", *directories, "--records", "r0,r1,r2,r3", "--to", str(where / "survey"), *words)
    assert result.returncode == 0, result.stderr
    return Path(result.stdout.strip())


@contextmanager
def served(folder: Path, *words: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Serve a survey in a process of its own; give its address."""
    command = [sys.executable, "-m", "ain", "survey", "serve", str(folder), "--port", "0", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout
        address = process.stdout.readline().strip()
        assert address, process.communicate()[1]
        yield address, process
    finally:
        process.kill()
        process.communicate()


class Person:
    """Somebody with a browser: keeps cookies, follows redirects, sends the form that a page holds."""

    def __init__(self, address: str, session: aiohttp.ClientSession) -> None:
        self.address, self.session, self.page, self.path = address, session, "", "/"

    async def open(self, path: str) -> int:
        async with self.session.get(self.address + path) as answer:
            return await self._read(answer)

    async def send(self, headers: dict[str, str] | None = None, **given: str) -> int:
        """Send the form of the page with these values."""
        key = re.search(r'name="key" value="(\w+)"', self.page)
        data = ({"key": key[1]} if key else {}) | given
        origin = {"Origin": self.address}
        async with self.session.post(self.address + self.path, data=data, headers=origin | (headers or {})) as answer:
            return await self._read(answer)

    async def _read(self, answer: aiohttp.ClientResponse) -> int:
        self.page, self.path, self.headers = await answer.text(), answer.url.path, answer.headers
        self.cookie = next((one for one in answer.headers.getall("Set-Cookie", [])), "")
        return answer.status

    @property
    def texts(self) -> list[str]:
        """Return the texts to choose from, in order."""
        found = re.findall(r'<span class="text">(.*?)</span></span></label>', self.page, re.S)
        return [html.unescape(re.sub(r"<[^>]+>", "", text)) for text in found]

    @property
    def token(self) -> str:
        return next(cookie.value for cookie in self.session.cookie_jar)

    @property
    def link(self) -> str:
        found = re.search(r'class="link" dir="ltr" href="([^"]+)"', self.page)
        assert found
        return found[1].removeprefix(self.address)

    async def begin(self, nationality: str = "Egypt") -> None:
        assert await self.open("/") == 200
        assert await self.send(agree="yes") == 200
        assert await self.send(choice=nationality) == 200

    async def choose(self, text: str) -> None:
        """Choose the answer with this text."""
        assert await self.send(choice=str(self.texts.index(text) + 1)) == 200

    async def finish(self, model: int, dialect: str = "prefer MSA") -> None:
        """Choose the answers of one model from where the survey stands to its end."""
        while found := re.fullmatch(r"/question/(\d+)", self.path):
            text = ASKED[int(found[1]) - 1][3][model]
            await self.choose(text or "(لم يُجب النموذج)")
        assert self.path == "/language"
        assert await self.send(choice=dialect) == 200
        assert self.path == "/thanks"


@asynccontextmanager
async def person(address: str) -> AsyncIterator[Person]:
    """Give a person with a browser of their own."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Person(address, session)


def stored(folder: Path) -> Answers:
    """Return the answers to a survey."""
    return Answers(folder, read_survey(folder))
