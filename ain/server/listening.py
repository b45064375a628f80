"""Listens at an address with an application, in the foreground."""

import asyncio
import errno
import logging
from collections.abc import Callable

from aiohttp import web

from ain import UserError

BACKLOG = 1_024  # connections that wait to be accepted


async def listen(
    application: web.Application,
    host: str,
    port: int,
    ready: Callable[[str], None],
    logger: logging.Logger = logging.getLogger("aiohttp.server"),  # noqa: B008 - aiohttp's own
) -> None:
    """Serve until cancelled, without a log of requests. ready: called with the address once requests are accepted. Port 0:
    any that is free. logger: of errors, whose messages name the client's address."""
    runner = web.AppRunner(application, access_log=None, logger=logger)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port, backlog=BACKLOG).start()
        except OSError as error:
            why = "in use" if error.errno == errno.EADDRINUSE else str(error.strerror or error)
            raise UserError(f"{host}:{port}: {why}; choose another with --port and --host") from None
        taken = runner.addresses[0]
        ready(f"http://{f'[{taken[0]}]' if ':' in taken[0] else taken[0]}:{taken[1]}")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
