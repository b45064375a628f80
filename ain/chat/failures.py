"""What errors of a server mean: wrong for every request, passing, or about this request alone."""

import math
import re
import socket
import ssl
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import openai

from ain import UserError
from ain.chat.protocol import DEFAULT, Endpoint
from ain.runtime.console import log
from ain.runtime.progress import note

SAID = 10.0  # seconds; a longer wait is said

_KEYS = {  # parameter that a server rejects → setting that fixes it
    "max_tokens": "how.token_limit=max_completion_tokens",
    "max_completion_tokens": "how.token_limit=max_tokens",
    "temperature": "temperature=null",
    "reasoning_effort": "reasoning_effort=null",
    "response_format": "structured_output=none",
}
_UNSUPPORTED = ("unsupported_parameter", "unsupported_value", "unknown_parameter")
_UNCONNECTED = {"ConnectError", "ClientConnectorError", "ConnectionTimeoutError"}  # httpx's, aiohttp's
LONGEST = 300.0  # seconds; cap on the wait that a server asks for
_NAMED = re.compile(r"""(?:unknown name|unsupported (?:parameter|value)|unrecognized request argument)\W+(\w+)""", re.I)


def fatal(endpoint: Endpoint, error: openai.APIStatusError) -> UserError | None:
    """Return the message for an error that no retry can fix and every request would get, otherwise None."""
    status, said = error.status_code, _details(error)
    words, where, host = endpoint.clean(str(said.get("message") or error.message)), endpoint.where, endpoint.host
    if 300 <= status < 400:
        to = endpoint.clean(error.response.headers.get("location", "another address"))
        return UserError(
            f"{host} redirects to {to}, and a key is not sent on: give the address that answers in {where}.how.base_url"
        )
    named = _NAMED.search(words)
    if status == 400 and (named or said.get("code") in _UNSUPPORTED):
        parameter = endpoint.clean(str(said.get("param") or (named[1] if named else "a parameter")))
        typed = _KEYS.get(str(parameter))
        remedy = f": set {where}.{typed}" if typed else ""
        return UserError(f"{endpoint.model} does not accept {parameter} as sent ({words}){remedy}")
    if status == 401 or (status == 400 and "api key not valid" in words.lower()):
        return UserError(_refused_key(endpoint))
    if status == 403:
        return UserError(f"{host} does not allow this key to use {endpoint.model}: {words}")
    if status == 404:
        return UserError(
            f"{host} has no model {endpoint.model}, or is not that server: check {where}.model and {where}.how.base_url"
        )
    if said.get("code") == "insufficient_quota":
        return UserError(f"{host}: the account behind {endpoint.api_key_env} has no credit left; add some and go on")
    return None


def _refused_key(endpoint: Endpoint) -> str:
    names = [*([endpoint.api_key_env] if endpoint.api_key_env else []), *endpoint.headers.values()]
    if not names:
        return f"{endpoint.host} wants a key: export one, and name its variable in {endpoint.where}.how.api_key_env"
    return (
        f"{endpoint.host} refuses the key in {' and '.join(names)}: export the right one, or name another variable in "
        f"{endpoint.where}.how.{'api_key_env' if endpoint.api_key_env else 'headers'}"
    )


def unreachable(endpoint: Endpoint, error: BaseException) -> UserError | None:
    """Return the message if no connection to the server was made, otherwise None."""
    if was_sent(error):
        return None
    causes = list(_causes(error))
    host, key = endpoint.host, f"{endpoint.where}.how.base_url"
    named = "check the network" if endpoint.server == DEFAULT else f"check {key} and the network"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return UserError(f"the name {host} is unknown here: {named}")
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes):
        return UserError(f"nothing listens at {host} (connection refused): start the server, or correct {key}")
    if wrong := [cause for cause in causes if isinstance(cause, ssl.SSLError)]:  # the innermost is Python's own
        reason = endpoint.clean(getattr(wrong[-1], "reason", None) or str(wrong[-1])).replace("_", " ").lower()
        return UserError(
            f"no secure connection to {host} ({reason}): check that {key} says http or https as the server does, and that "
            "its certificate is trusted here (SSL_CERT_FILE=FILE)"
        )
    return UserError(f"no connection to {host} ({endpoint.clean(in_words(error))}): {named}")


def was_sent(error: BaseException) -> bool:
    """Return whether a connection was made, so that the request may be charged for."""
    return not {kind.__name__ for cause in _causes(error) for kind in type(cause).__mro__} & _UNCONNECTED


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__


def _details(error: openai.APIStatusError) -> dict[str, Any]:
    """Return message, code and param, as OpenAI sends them in an object and Gemini in a list."""
    body = error.body[0] if isinstance(error.body, list) and error.body else error.body
    body = body.get("error", body) if isinstance(body, dict) else {}
    return body if isinstance(body, dict) else {}


def transient(error: BaseException) -> bool:
    """Return whether to retry: after rate limits, server errors, lost or silent connections and truncated answers."""
    if isinstance(error, openai.APIStatusError):
        status = error.status_code
        return status in (408, 409, 429) or status >= 500 if error.code != "insufficient_quota" else False
    if type(error).__module__.startswith("httpx"):  # an interrupted download
        return True
    return isinstance(error, openai.APIConnectionError | openai.APIResponseValidationError | TimeoutError | ValueError)


def retry_after(error: BaseException | None) -> float:
    """Return how many seconds a server asks to wait (given in seconds, milliseconds or as a date), at most LONGEST."""
    headers = error.response.headers if isinstance(error, openai.APIStatusError) else {}
    try:
        if "retry-after-ms" in headers:
            asked = float(headers["retry-after-ms"]) / 1000
        else:
            asked = _seconds(headers.get("retry-after", "0"))
    except (ValueError, OverflowError, TypeError):
        return 0.0
    return max(0.0, min(asked, LONGEST)) if not math.isnan(asked) else 0.0


def _seconds(given: str) -> float:
    try:
        return float(given)
    except ValueError:
        return parsedate_to_datetime(given).timestamp() - time.time()


class Waits:
    """Says once that a server asks for a long wait; the progress bar shows it until the next answer."""

    def __init__(self, host: str) -> None:
        self.host, self._until = host, 0.0

    def begin(self, seconds: float) -> None:
        until = time.time() + seconds
        if seconds < SAID or until < self._until + SAID:
            return
        if not self._until:
            log.info(f"{self.host} asks to wait for {seconds:,.0f} s, which this run does")
        self._until = until
        note(f"waits for {self.host} until {time.strftime('%H:%M:%S', time.localtime(until))}")

    def over(self) -> None:
        if self._until:
            self._until = 0.0
            note("")


def in_words(error: BaseException) -> str:
    if isinstance(error, openai.APIStatusError):
        return f"HTTP {error.status_code}: {_details(error).get('message') or error.message}"
    if isinstance(error, ValueError):  # ours, of another shape
        return str(error)
    if isinstance(error, TimeoutError):
        return "no whole reply in time (how.timeout_s)"
    cause = error.__cause__ or error
    return " ".join(f"{type(error).__name__} {cause}".split())
