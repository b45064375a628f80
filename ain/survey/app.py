"""The pages of a survey: consent, a question about the participant, the questions, one about the language, thanks.

A page is a step, and steps come in order: whoever asks for a later one is sent to the first that is open. Pages need no
script. The token of a participant is in a cookie and in a personal link.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ain.report.texts import isolated
from ain.server.gatherer import Gatherer
from ain.storage.images import mime
from ain.survey.answers import Answers, Given, Participant, Statement, choose, join, tell
from ain.survey.definition import IMAGES, Survey
from ain.survey.protection import (
    COOKIE,
    DAYS,
    MAX_BYTES,
    Handler,
    add_headers,
    form_key,
    guarded,
    new_token,
    origin,
    token,
)
from ain.text.languages import LANGUAGES

_HERE = Path(__file__).parent
TINY = 160  # pixels: smaller images are enlarged without smoothing
_KEPT = {"Cache-Control": "private, max-age=86400"}


class App:
    """A survey in front of its answers. url: the address that participants see, if it is not the one they ask for."""

    def __init__(self, survey: Survey, folder: Path, answers: Answers, url: str | None = None) -> None:
        self.survey, self.answers, self.url = survey, answers, url
        self.steps = ["/about", *(f"/question/{n + 1}" for n in range(len(survey.questions))), "/language", "/thanks"]
        files = {image.file for question in survey.questions for image in question.images}
        self.images = {name: (folder / IMAGES / name).read_bytes() for name in files}
        self.style = (_HERE / "style.css").read_text(encoding="utf-8")
        self.gatherer = Gatherer()
        self.templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            undefined=StrictUndefined,
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters["isolated"] = lambda text, code: isolated(text, LANGUAGES.get(code))

    def application(self) -> web.Application:
        made = web.Application(client_max_size=MAX_BYTES, middlewares=[self._errors, guarded(self.url)])  # type: ignore[list-item]
        made.on_response_prepare.append(add_headers)
        made.cleanup_ctx.append(self._storing)
        made.add_routes(
            [
                web.get("/", self.consent),
                web.post("/", self.agreed),
                web.get("/continue/{token:[A-Za-z0-9_-]{32}}", self.resume),
                web.get("/about", partial(self.personal, "about")),
                web.post("/about", partial(self.told, "about", "nationality")),
                web.get("/question/{number:[1-9][0-9]{0,2}}", self.question),
                web.post("/question/{number:[1-9][0-9]{0,2}}", self.chose),
                web.get("/language", partial(self.personal, "language")),
                web.post("/language", partial(self.told, "language", "dialect")),
                web.get("/thanks", self.thanks),
                web.get("/style.css", self.css),
                web.get("/images/{name}", self.image),
            ]
        )
        return made

    async def consent(self, request: web.Request) -> web.Response:
        own = token(request)
        participant = self.answers.participant(own) if own else None
        if participant and participant.agreed:
            raise web.HTTPSeeOther(self._open(participant))
        if self.survey.invited and participant is None:
            return self._message(request, 403, "invited")
        return self._consent(request, own or new_token())

    def _consent(self, request: web.Request, own: str, error: str | None = None) -> web.Response:
        response = self._page(request, "consent", own, error=error)
        self._remember(request, response, own)
        return response

    async def agreed(self, request: web.Request) -> web.Response:
        own = str(token(request))  # the guard has seen it
        if self.survey.invited and self.answers.participant(own) is None:
            return self._message(request, 403, "invited")
        if (await request.post()).get("agree") != "yes":
            return self._consent(request, own, "must_agree")
        await self._write([join(own)])
        raise web.HTTPSeeOther(self.steps[0])

    async def resume(self, request: web.Request) -> web.Response:
        """Follow a personal link."""
        own = request.match_info["token"]
        if self.answers.participant(own) is None:
            return self._message(request, 404, "not_found")
        response = web.Response(status=303, headers={"Location": "/"})
        self._remember(request, response, own)
        return response

    async def personal(self, page: str, request: web.Request) -> web.Response:
        return self._personal(request, page, self._at(request, f"/{page}"))

    def _personal(
        self, request: web.Request, page: str, participant: Participant, error: str | None = None
    ) -> web.Response:
        said = participant.nationality if page == "about" else participant.dialect
        return self._page(request, page, chosen=said, error=error)

    async def told(self, page: str, column: str, request: web.Request) -> web.Response:
        participant = self._at(request, f"/{page}")
        said = (await request.post()).get("choice")
        asked = self.survey.nationality if page == "about" else self.survey.dialect
        if said not in asked.ids:
            return self._personal(request, page, participant, "required")
        await self._write([tell(participant.number, column, str(said))])
        raise web.HTTPSeeOther(self.steps[self.steps.index(f"/{page}") + 1])

    async def question(self, request: web.Request) -> web.Response:
        participant = self._at(request, request.path)
        return self._question(request, participant)

    def _question(self, request: web.Request, participant: Participant, error: str | None = None) -> web.Response:
        number = int(request.match_info["number"])
        models = self.survey.order(participant.number, number)
        chosen = self.answers.chosen(participant.number).get(number)
        place = models.index(chosen) + 1 if chosen in models else None
        question = self.survey.questions[number - 1]
        texts = [question.answers[model].text for model in models]
        return self._page(request, "question", error=error, number=number, question=question, texts=texts, chosen=place)

    async def chose(self, request: web.Request) -> web.Response:
        participant = self._at(request, request.path)
        number = int(request.match_info["number"])
        models = self.survey.order(participant.number, number)
        places = {str(place): model for place, model in enumerate(models, 1)}
        chosen = places.get(str((await request.post()).get("choice")))
        if chosen is None:
            return self._question(request, participant, "required")
        await self._write([choose(Given(participant.number, number, chosen, models))])
        raise web.HTTPSeeOther(self.steps[number + 1])

    async def thanks(self, request: web.Request) -> web.Response:
        self._at(request, "/thanks")
        return self._page(request, "thanks")

    async def css(self, _: web.Request) -> web.Response:
        return web.Response(text=self.style, content_type="text/css", headers=_KEPT)

    async def image(self, request: web.Request) -> web.Response:
        data = self.images.get(request.match_info["name"])
        if data is None:
            raise web.HTTPNotFound
        return web.Response(body=data, content_type=f"image/{mime(data)}", headers=_KEPT)

    def _at(self, request: web.Request, step: str) -> Participant:
        """Return the participant. Raise a redirect for whoever has not agreed, or has an earlier step to do."""
        own = token(request)
        participant = self.answers.participant(own) if own else None
        if participant is None or not participant.agreed:
            raise web.HTTPSeeOther("/")
        if step not in self.steps:
            raise web.HTTPNotFound
        first = self._open(participant)
        if self.steps.index(step) > self.steps.index(first):
            raise web.HTTPSeeOther(first)
        return participant

    def _open(self, participant: Participant) -> str:
        """Return the first step that the participant has not done."""
        chosen = self.answers.chosen(participant.number)
        done = [number + 1 in chosen for number in range(len(self.survey.questions))]
        said = [participant.nationality is not None, *done, participant.dialect is not None, False]
        return self.steps[said.index(False)]

    def _page(
        self, request: web.Request, page: str, own: str | None = None, error: str | None = None, **about: Any
    ) -> web.Response:
        own = own or token(request) or ""
        survey = self.survey
        text = self.templates.get_template(f"{page}.html").render(
            survey=survey,
            words=survey.words,
            language=LANGUAGES[survey.language],
            key=form_key(own),
            link=f"{origin(request, self.url)}/continue/{own}",
            error=survey.words[error] if error else None,
            tiny=TINY,
            **about,
        )
        return web.Response(text=text, content_type="text/html", status=422 if error else 200)

    def _message(self, request: web.Request, status: int, said: str, more: str | None = None) -> web.Response:
        words = self.survey.words
        response = self._page(request, "message", said=words[said], more=words[more] if more else None)
        response.set_status(status)
        return response

    @property
    def _errors(self) -> Handler:
        @web.middleware
        async def shown(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                return await handler(request)
            except web.HTTPError as error:  # with a status of 400 or more
                if error.status == 404:
                    return self._message(request, 404, "not_found")
                return self._message(request, error.status, "refused", "try_again")

        return shown  # type: ignore[return-value]

    def _remember(self, request: web.Request, response: web.Response, own: str) -> None:
        secure = origin(request, self.url).startswith("https:")
        response.set_cookie(COOKIE, own, max_age=DAYS * 86_400, httponly=True, samesite="Lax", secure=secure)

    async def _write(self, statements: list[Statement]) -> None:
        """Return when the statements are on the disk. Those of participants who wait at the same time are one commit."""
        await self.gatherer.ask("write", self._stored, statements)

    def _stored(self, several: list[list[Statement]]) -> list[None]:
        self.answers.write(statement for statements in several for statement in statements)
        return [None] * len(several)

    async def _storing(self, _: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self.gatherer.run())
        yield
        task.cancel()
        self.gatherer.close()
