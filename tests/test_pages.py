"""The report's pages as a reader's software meets them: structure, texts of data, directions. Without a browser."""

from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ain.pipeline.choices import default_job, differing
from ain.report.render import render
from ain.report.texts import cell, isolated
from ain.text.languages import ARABIC, LANGUAGES

VOID = ("meta", "img", "br", "link", "input", "hr")


class Page(HTMLParser):
    """Reads a page into its faults, ids and links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None]]] = []
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.headings: list[int] = []
        self.feed(text)
        self.faults += [f"{tag} is not closed" for tag, _ in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag not in VOID:
            self.open.append((tag, given))
        if tag == "img" and not given.get("alt"):
            self.faults.append("an image without a text")
        if tag == "th" and "scope" not in given:
            self.faults.append("a heading of a table without its scope")
        if tag in ("h1", "h2", "h3"):
            self.headings.append(int(tag[1]))
        self.ids += [given["id"]] if given.get("id") else []
        self.links += [given["href"]] if tag == "a" and given.get("href") else []

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop()[0] != tag:
            self.faults.append(f"{tag} closes another tag")

    def handle_data(self, data: str) -> None:
        inside = [given for tag, given in self.open if tag in ("bdi", "option")]
        if ARABIC.search(data) and not (inside and inside[0].get("dir")):
            self.faults.append(f"Arabic without a direction of its own: {data}")


def check(path: Path) -> Page:
    page = Page(path.read_text(encoding="utf-8"))
    assert page.faults == []
    assert len(page.ids) == len(set(page.ids))
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(page.headings, page.headings[1:], strict=False))
    for link in page.links:
        file, _, place = link.partition("#")
        assert (path.parent / file).exists(), link
        assert not place or place in page.ids, link
    return page


def test_pages_can_be_read_by_any_software(pico: Path) -> None:
    check(pico / "report" / "index.html")
    (page,) = (pico / "report" / "jobs").glob("*/index.html")
    job = check(page)
    assert {"#results", "#about", "#stages", "#settings", "#versions"} <= set(job.links)
    records = sorted((page.parent / "records").glob("*.html"))
    assert records
    for path in records:
        check(path)
    text = page.read_text(encoding="utf-8")
    assert "This is a toy." in text
    assert "over the same 18 questions" in text
    assert 'lang="ar"' in text
    assert '<th scope="row">thresholds</th>' in text  # a setting that differs from the defaults
    for name in ("O6", "True", "False"):
        assert f">{name}<" not in text


def test_the_page_of_verifiers_reads_with_pairs_in_rows(tmp_path: Path) -> None:
    rows = [
        {"pair": "1.1", "original": "A cat", "translation": "قطة", "mine": 0.9},
        {"pair": "1.2", "original": "A <b>", "translation": "كلب", "mine": None},
    ]
    page = {"missing": [], "separation": rows, "curves": [], "kinds": [], "figures": {}, "best": None}
    render(tmp_path, "probe", {**page, "pairs": rows, "columns": ["mine"]})
    check(tmp_path / "index.html")
    assert "| 1.2 | A &lt;b&gt; | كلب | – |" in (tmp_path / "index.md").read_text(encoding="utf-8")


def test_texts_have_the_direction_of_their_language() -> None:
    arabic, english = LANGUAGES["ar"], LANGUAGES["en"]
    assert isolated("قطة", arabic) == '<bdi dir="rtl" lang="ar">قطة</bdi>'
    assert isolated("a <b>", english) == '<bdi dir="ltr" lang="en">a &lt;b&gt;</bdi>'
    assert isolated("a cat", arabic) == '<bdi dir="auto">a cat</bdi>'  # an answer in another language
    assert isolated("١٢", arabic) == '<bdi dir="rtl" lang="ar">١٢</bdi>'
    assert isolated("قطة") == '<bdi dir="auto">قطة</bdi>'


@pytest.mark.parametrize("code", ["C++", "`x[0] < 1`", "https://example.org/a?b=1", "f(x)", "<b x=1>", "The Lion King"])
def test_code_in_arabic_keeps_its_order(code: str) -> None:
    shown = isolated(f"ما معنى {code}؟", LANGUAGES["ar"])
    assert f'<bdi dir="ltr">{escape(code)}</bdi>؟' in shown


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("<script>", "&lt;script&gt;"),
        ("[a](http://b)", r"\[a\](http&#58;//b)"),
        ("www.b.org | x", r"www&#46;b.org \| x"),
        ("**a**\n_b_ max_latin_run", r"\*\*a\*\*<br>\_b\_ max_latin_run"),
        (None, "–"),
        (0.5, "0.5"),
    ],
)
def test_cells_of_markdown_hold_no_markup(given: object, shown: str) -> None:
    assert cell(given) == shown


def test_settings_that_differ_are_listed_with_their_defaults() -> None:
    chosen = {**default_job(), "source": "folder", "benchmark": "held_out"}
    rows = differing(chosen, "ain/starter", ["source=folder", "thresholds.similarity=0.7", "seed=3"])
    assert [list(row.values()) for row in rows] == [
        ["source", "folder", "miniature"],
        ["benchmark", "held_out", "miniature"],
        ["thresholds.similarity", "0.7", "0.8"],
        ["seed", "3", "0"],
    ]
