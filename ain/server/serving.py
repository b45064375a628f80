"""Runs the server, in the foreground or beside other work."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

from ain.chat import LanguageModel
from ain.server.app import App
from ain.server.listening import listen


async def serve(model: LanguageModel, name: str, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until cancelled. ready: called with the address once requests are accepted. Port 0: any that is free."""
    await listen(App(model, name).application(), host, port, lambda address: ready(f"{address}/v1"))


@contextmanager
def serving(model: LanguageModel, name: str) -> Iterator[str]:
    """Serve on this machine alone, in a thread, and give the address."""
    address: Future[str] = Future()
    loop = asyncio.new_event_loop()

    def told(done: "asyncio.Task[None]") -> None:
        if not address.done() and not done.cancelled() and (error := done.exception()):
            address.set_exception(error)

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(asyncio.wait([task]))
        loop.close()

    task = loop.create_task(serve(model, name, "127.0.0.1", 0, address.set_result))
    task.add_done_callback(told)
    thread = threading.Thread(target=run, name="server", daemon=True)
    thread.start()
    try:
        yield address.result()
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
