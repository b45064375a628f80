"""A headless Chromium, driven through its DevTools protocol."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Tab:
    """One page on a phone-sized screen."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._sent, self._events = socket, 0, list[str]()

    async def call(self, method: str, **given: Any) -> Any:
        """Send a command of the protocol and return its result."""
        self._sent += 1
        await self._socket.send_json({"id": self._sent, "method": method, "params": given})
        while True:
            said = await self._receive()
            if said.get("id") == self._sent:
                assert "error" not in said, said["error"]
                return said["result"]

    async def _receive(self) -> dict[str, Any]:
        said: dict[str, Any] = json.loads((await self._socket.receive(timeout=120)).data)
        self._events.append(said.get("method", ""))
        return said

    async def loaded(self) -> None:
        """Wait for a page that was asked for since the last call."""
        while "Page.loadEventFired" not in self._events:
            await self._receive()
        self._events.clear()

    async def open(self, url: str) -> None:
        self._events.clear()
        await self.call("Page.navigate", url=url)
        await self.loaded()

    async def js(self, code: str) -> Any:
        found = await self.call("Runtime.evaluate", expression=code, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    async def press(self, key: str, text: str = "") -> None:
        codes = {"Tab": 9, "Enter": 13, " ": 32, "ArrowDown": 40}
        about = {"key": key, "windowsVirtualKeyCode": codes[key], "text": text}
        for kind in ("keyDown", "keyUp"):
            await self.call(
                "Input.dispatchKeyEvent", type=kind, **(about if kind == "keyDown" else about | {"text": ""})
            )


@asynccontextmanager
async def tab(profile: Path, width: int = 390, height: int = 844) -> AsyncIterator[Tab]:
    """Start a browser of its own and give its tab. profile: where it keeps its cookies."""
    assert PROGRAM
    words = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--remote-debugging-port=0",
        "--password-store=basic",
        f"--user-data-dir={profile}",
    ]
    active = profile / "DevToolsActivePort"
    active.unlink(missing_ok=True)
    process = subprocess.Popen([PROGRAM, *words, "about:blank"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        while not active.exists() or "\n" not in active.read_text(encoding="utf-8"):
            assert process.poll() is None, "Chromium has ended"
            await asyncio.sleep(0.1)
        port = active.read_text(encoding="utf-8").split()[0]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                pages = [one for one in await answer.json(content_type=None) if one["type"] == "page"]
            async with session.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                made = Tab(socket)
                await made.call("Page.enable")
                size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True}
                await made.call("Emulation.setDeviceMetricsOverride", **size)
                yield made
                await made.call("Browser.close")
        process.wait(timeout=60)  # it writes its cookies
    finally:
        process.kill()
        process.wait()
