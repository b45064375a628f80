"""The endpoints: /v1/models, /v1/chat/completions and /v1/completions."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from copy import deepcopy
from functools import partial
from itertools import count
from pathlib import Path

from aiohttp import web

from ain import UserError
from ain.chat import LanguageModel, Reply, Request
from ain.chat.cost import Budget
from ain.chat.local import LocalModel
from ain.chat.scoring import plain_ids
from ain.runtime.console import log
from ain.server import replies
from ain.server.bodies import ChatBody, CompletionBody, parsed
from ain.server.gatherer import Busy, Gatherer

MAX_BYTES = 64_000_000  # of a request
_COMPLETION_TOKENS = 16  # as in OpenAI's API, if a completion names no limit

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class UnknownModel(UserError):
    pass


class TooLong(UserError):
    pass


class App:
    """One model under one name, within its cap on cost.

    Only local checkpoints have completions, which need tokens and log-probabilities.
    """

    def __init__(self, model: LanguageModel, name: str) -> None:
        self.model, self.name = model, name
        self.budget = Budget(model.price, model.max_cost_usd, where=model.where)  # of all requests together
        self.local = model if isinstance(model, LocalModel) else None
        self.max_length = self.local.max_length if self.local else None  # loads the checkpoint
        self.tokenizer = deepcopy(self.local.tokenizer) if self.local else None  # of this thread; the model has its own
        self.gatherer = Gatherer()
        self._keys = count()
        self._warned = False

    def application(self) -> web.Application:
        made = web.Application(client_max_size=MAX_BYTES, middlewares=[_errors])
        made.router.add_get("/v1/models", self.models)
        made.router.add_post("/v1/chat/completions", self.chat)
        made.router.add_post("/v1/completions", self.complete)
        made.cleanup_ctx.append(self._gathering)
        return made

    async def _gathering(self, _: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(self.gatherer.run())
        yield
        task.cancel()
        self.gatherer.close()

    async def models(self, _: web.Request) -> web.Response:
        return web.json_response(replies.models(self.name, self.max_length))

    async def chat(self, http: web.Request) -> web.Response:
        body = parsed(ChatBody, await _json(http))
        self._check(body)
        messages = await asyncio.to_thread(body.conversation)
        limit = body.max_completion_tokens or body.max_tokens or self.model.max_new_tokens
        request = Request(str(next(self._keys)), messages, limit, stop=body.stops)
        reply = await self.gatherer.ask(("chat", limit), self._answers, request)
        return web.json_response(replies.chat_completion(self.name, reply))

    def _answers(self, requests: list[Request]) -> list[Reply]:
        made: dict[str, Reply] = {}
        with tempfile.TemporaryDirectory() as nowhere:
            take = partial(_take, made)
            self.model.generate(requests, take, Path(nowhere), budget=self.budget)
        if failed := next((reply for reply in made.values() if reply.finish in ("failed", "unanswered")), None):
            raise UserError(failed.text)
        return [made[request.key] for request in requests]

    async def complete(self, http: web.Request) -> web.Response:
        body = parsed(CompletionBody, await _json(http))
        self._check(body)
        if self.local is None:
            raise UserError("completions need a checkpoint on this machine; use /v1/chat/completions")
        limit = _COMPLETION_TOKENS if body.max_tokens is None else body.max_tokens
        prompts = [plain_ids(self.tokenizer, one) if isinstance(one, str) else one for one in body.prompts]
        self._check_tokens(prompts, limit)
        if body.logprobs is not None:
            if not body.echo or limit > 1:
                raise UserError("logprobs: available with echo=true and a max_tokens of 0 or 1")
            work = partial(self.local.logprobs, top=max(1, body.logprobs))
            scores = await asyncio.gather(*(self.gatherer.ask(work.keywords["top"], work, ids) for ids in prompts))
            return web.json_response(replies.scored(self.name, scores, limit, self._text))
        if limit == 0:
            raise UserError("max_tokens: at least 1, or 0 with echo=true and logprobs")
        complete = partial(self.local.complete, max_tokens=limit, stop=body.stops)
        kind = ("complete", limit, body.stops)
        made = await asyncio.gather(*(self.gatherer.ask(kind, complete, ids) for ids in prompts))
        before = [self._text(ids) if body.echo else "" for ids in prompts]
        texts = [start + reply.text for start, reply in zip(before, made, strict=True)]
        return web.json_response(replies.completion(self.name, texts, made))

    def _check(self, body: ChatBody | CompletionBody) -> None:
        if body.model != self.name:
            raise UnknownModel(f"model: {body.model!r} is not served here; ask for {self.name!r}")
        if body.temperature and not self._warned:
            self._warned = True
            log.info(f"a client asks for temperature={body.temperature}; all answers are greedy")

    def _check_tokens(self, prompts: list[list[int]], limit: int) -> None:
        assert self.local
        longest = max(map(len, prompts))
        if not min(map(len, prompts)):
            raise UserError("prompt: has no tokens")
        if max(map(max, prompts)) >= self.local.vocabulary_size:
            raise UserError(f"prompt: token ids end at {self.local.vocabulary_size - 1}")
        if self.max_length is not None and longest + limit > self.max_length:
            raise TooLong(f"prompt: {longest} tokens and max_tokens={limit}, but the model has {self.max_length}")

    def _text(self, ids: list[int]) -> str:
        assert self.tokenizer
        return str(self.tokenizer.decode(ids))


def _take(made: dict[str, Reply], request: Request, reply: Reply) -> None:
    made[request.key] = reply


async def _json(http: web.Request) -> bytes:
    if http.content_type != "application/json":  # a page in a browser cannot send this without being asked
        raise web.HTTPUnsupportedMediaType(text="send application/json")
    return await http.read()


_STATUS: dict[type[Exception], tuple[int, str | None]] = {
    UnknownModel: (404, "model_not_found"),
    TooLong: (400, "context_length_exceeded"),
    Busy: (429, "rate_limit_exceeded"),
}


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as error:
        message, status, code = (error.text or error.reason), error.status, None
    except (UserError, Busy) as error:
        status, code = _STATUS.get(type(error), (400, None))
        message = str(error) or "too many requests are waiting"
    except Exception as error:  # the model's: the client learns of it, and the server goes on
        log.info(f"{request.path}: {type(error).__name__}: {error}")
        status, code, message = 500, None, f"{type(error).__name__} in the model"
    return web.json_response(replies.error(message, status, code), status=status)
