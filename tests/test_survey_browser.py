"""The blind survey in a real browser: filled in with the keyboard on a phone-sized screen, left, and taken up again."""

import asyncio
import re
from pathlib import Path

import chromium
import pytest
from surveyed import ASKED, built, served

from ain.survey.answers import Answers
from ain.survey.definition import read_survey

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium.PROGRAM is None, reason="no Chromium; install it with: apt install chromium"),
]

CONTROLS = ("radio", "checkbox", "button", "combobox", "image", "link", "progressbar")


async def looked_at(tab: chromium.Tab) -> None:
    """Check what sighted people and screen readers meet on a page."""
    assert await tab.js("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert await tab.js("[document.dir, document.documentElement.lang].join()") == "rtl,ar"
    assert await tab.js("document.querySelectorAll('h1').length") == 1
    assert await tab.js("document.querySelectorAll('script').length") == 0
    small = (
        "[...document.querySelectorAll('button, .choice, select')].filter(e => e.getBoundingClientRect().height < 44)"
    )
    assert await tab.js(f"{small}.length") == 0  # CSS pixels that a finger needs
    tree = (await tab.call("Accessibility.getFullAXTree"))["nodes"]
    shown = [node for node in tree if not node["ignored"] and node.get("role", {}).get("value") in CONTROLS]
    assert shown
    assert not [node for node in shown if not node["name"]["value"].strip()]


async def go_on(tab: chromium.Tab) -> None:
    """Send the form with the keyboard."""
    await tab.js("document.querySelector('button').focus()")
    await tab.press("Enter", "\r")
    await tab.loaded()


async def answer(tab: chromium.Tab, text: str) -> None:
    """Choose the answer with this text by arrow keys, from the first radio button on."""
    texts = await tab.js("[...document.querySelectorAll('.choice .text')].map(e => e.innerText.trim())")
    await tab.js("document.querySelector('input[type=radio]').focus()")
    await tab.press(" ", " ")
    for _ in range(texts.index(text)):
        await tab.press("ArrowDown")
    await go_on(tab)


async def first_half(address: str, profile: Path) -> str:
    async with chromium.tab(profile) as tab:
        await tab.open(address)
        await looked_at(tab)
        await tab.press("Tab")
        assert await tab.js("document.activeElement.className") == "skip"
        await tab.js("document.querySelector('[name=agree]').focus()")
        await tab.press(" ", " ")
        await go_on(tab)
        await looked_at(tab)
        await tab.js("document.querySelector('select').value = 'Egypt'")
        await go_on(tab)
        for _, _, _, answers in ASKED[:2]:
            await looked_at(tab)
            await answer(tab, answers[0])
        return str(await tab.js("document.querySelector('.link').href"))


async def second_half(address: str, link: str, profile: Path) -> None:
    async with chromium.tab(profile) as tab:
        await tab.open(link)
        assert await tab.js("location.pathname") == "/question/3"
        for _, _, _, answers in ASKED[2:]:
            await looked_at(tab)
            assert await tab.js("[...document.images].every(e => e.complete && e.naturalWidth > 0)")
            await answer(tab, answers[1])
        await looked_at(tab)
        await answer(tab, await tab.js("document.querySelector('.choice .text').innerText.trim()"))
        assert await tab.js("location.pathname") == "/thanks"
        await looked_at(tab)


@pytest.mark.parametrize("same", [True, False], ids=["by the cookie", "by the link, elsewhere"])
def test_a_participant_fills_it_in_and_returns(tmp_path: Path, same: bool) -> None:
    folder = built(tmp_path)
    with served(folder) as (address, _):
        link = asyncio.run(first_half(address, tmp_path / "first"))
        assert re.fullmatch(rf"{address}/continue/[\w-]{{32}}", link)
        profile = tmp_path / ("first" if same else "second")
        asyncio.run(second_half(address, address if same else link, profile))
    answers = Answers(folder, read_survey(folder))
    (participant,) = answers.participants()
    assert (participant.nationality, participant.dialect) == ("Egypt", "prefer MSA")
    assert answers.chosen(participant.number) == {1: "mine", 2: "mine", 3: "theirs", 4: "theirs"}
