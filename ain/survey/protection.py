"""What every request and response must have: forms come from our own pages, and pages run nothing that is not ours."""

import hashlib
import hmac
import logging
import re
import secrets
import sqlite3
from collections.abc import Awaitable, Callable

from aiohttp import web

from ain.runtime.console import log
from ain.server.gatherer import Busy

COOKIE = "survey"
DAYS = 90  # that a browser keeps the cookie
MAX_BYTES = 16_384  # of a form
_TOKEN = re.compile(r"[\w-]{32}", re.ASCII)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # a personal link stays here
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Server": "ain",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def new_token() -> str:
    return secrets.token_urlsafe(24)


def token(request: web.Request) -> str | None:
    """Return the token of the participant's cookie, if it has the shape of one."""
    given = request.cookies.get(COOKIE, "")
    return given if _TOKEN.fullmatch(given) else None


def form_key(of: str) -> str:
    """Return what a form carries to show that it is from our page: a digest of the token, which other sites cannot know."""
    return hmac.new(of.encode(), b"form", hashlib.sha256).hexdigest()


def origin(request: web.Request, url: str | None) -> str:
    """Return the origin that participants see. url: as the command was told."""
    return url or f"{request.scheme}://{request.host}"


def guarded(url: str | None) -> Handler:
    """Return the middleware that refuses forms of other sites, and turns a failure to store into an answer that says so."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "POST":
            await _check(request, url)
        try:
            return await handler(request)
        except (sqlite3.Error, Busy) as error:
            log.info(f"an answer was not stored: {type(error).__name__}: {error}")
            raise web.HTTPServiceUnavailable from None

    return guard  # type: ignore[return-value]


async def _check(request: web.Request, url: str | None) -> None:
    if request.content_type != "application/x-www-form-urlencoded":
        raise web.HTTPUnsupportedMediaType
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise web.HTTPForbidden
    if request.headers.get("Origin", origin(request, url)) != origin(request, url):
        raise web.HTTPForbidden
    try:
        given = (await request.post()).get("key")
    except (LookupError, ValueError):  # an unknown encoding, or bytes that are not in it
        raise web.HTTPBadRequest from None
    own = token(request)
    if own is None or not isinstance(given, str) or not hmac.compare_digest(given.encode(), form_key(own).encode()):
        raise web.HTTPForbidden


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


class _NoAddresses(logging.Filter):
    """Takes the client's address, which is all that these messages hold, out of them."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = "a request failed", ()
        return True


def quiet_logger() -> logging.Logger:
    """Return a logger of errors that names no addresses."""
    made = logging.getLogger("ain.survey")
    made.addFilter(_NoAddresses())
    return made
