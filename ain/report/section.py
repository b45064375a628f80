"""Read what a stage wrote for a page: its figures and tables with captions, and why it rejected records."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ain.report import figures
from ain.storage.manifest import lineage, read_manifest
from ain.storage.shards import Shards
from ain.storage.tables import Table, read_table

LONGEST = 40  # rows of a table on a page; the CSV file has them all


@dataclass(frozen=True)
class Section:
    """One stage's directory as a section of a page. shown: name of a figure or table → caption, in the order of the
    page. said: a sentence on the stage's outcome."""

    name: str  # as in the job's directories: translate, collect (2)
    directory: Path
    title: str = ""
    said: str = ""
    shown: dict[str, str] = field(default_factory=dict)

    @property
    def manifest(self) -> dict[str, Any]:
        return read_manifest(self.directory)

    @property
    def counts(self) -> dict[str, Any]:
        return self.manifest["counts"]  # type: ignore[no-any-return]

    def table(self, name: str) -> Table:
        path = self.directory / "tables" / f"{name}.csv"
        return read_table(path) if path.exists() else []

    def figure(self, name: str) -> Path | None:
        path = self.directory / "figures" / f"{name}.png"
        return path if path.exists() else None

    def blocks(self) -> list[dict[str, Any]]:
        """Return the `shown` figures and tables that exist: name, caption, table rows, and the figure as a data URI."""
        made, names = [], categories([self.manifest])
        for name, caption in self.shown.items():
            rows, figure = self.table(name), self.figure(name)
            if rows or figure:
                data = figures.inline(figure.read_bytes()) if figure else None
                shown = [_inlined(row, self.directory, names) for row in rows[:LONGEST]]
                more = max(0, len(rows) - LONGEST)
                made.append({"name": name, "caption": caption, "rows": shown, "more": more, "figure": data})
        return made

    def rejections(self) -> Table:
        """Return the twelve most frequent short reasons, each with the number of records that were rejected for it."""
        suffixes = {path.suffix.removeprefix(".") for path in (self.directory / "rejected").glob("[0-9]*")}
        counts = Counter(
            short
            for suffix in suffixes
            for row in Shards(self.directory, suffix=suffix).rows(["reasons"], "rejected")
            for short in {_short(reason) for reason in row["reasons"]}
        )
        names = categories(lineage(self.directory).values()) if counts else {}
        return [
            {"stage": self.name, "reason": named(reason, names), "records": count}
            for reason, count in counts.most_common(12)
        ]


def categories(manifests: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return code → name of the categories by which images are unsafe, from the safety policies in these settings."""
    groups = [values for one in manifests for values in one["settings"].values() if isinstance(values, dict)]
    policies = [policy for values in groups if isinstance(policy := values.get("policy"), dict)]
    return {code: rules["name"] for policy in policies for code, rules in policy.get("categories", {}).items() if rules}


def named(reason: str, names: dict[str, str]) -> str:
    """Return the reason with a category's name for its code: "unsafe: O6" means nothing to a reader."""
    head, _, code = reason.partition(": ")
    return f"{head}: {names[code]}" if head == "unsafe" and code in names else reason


def _inlined(row: dict[str, Any], directory: Path, names: dict[str, str]) -> dict[str, Any]:
    """Return the row of an image with its thumbnail as a data URI, because a page embeds its images, and with the name of
    its category."""
    if not row.get("thumbnail"):
        return row
    data = figures.inline((directory / str(row["thumbnail"])).read_bytes())
    return {**row, "thumbnail": data, "category": names.get(str(row["category"]))}


def _short(reason: str) -> str:
    """Return the rule without its numbers. The detail stays if a translation failed or an image is unsafe."""
    head, _, rest = reason.partition(":")
    return f"{head}: {rest.split('(')[0].strip()}" if head in ("unsafe", "translation") else head.split(" (")[0]
