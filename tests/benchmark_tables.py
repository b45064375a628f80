"""Stand-ins for the data sets of benchmarks: small local tables with the columns that a benchmark's YAML names."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import datasets
from PIL import Image

ROWS = 6
BROKEN, MISSING = 3, 4  # rows whose image is none, and whose question is missing
OPTIONS = ["كلب", "قطة", "حصان"]
LISTS_AS_TEXT = ("mmmu", "diagramsMMMU", "medicalMMMU", "medicalMMMUPro", "mathvista", "scienceqa")
LISTS_OF_IMAGES = ("seed", "mmt")


class Scorer:
    """Takes the place of a scorer where only questions are looked at."""

    def __init__(self) -> None: ...

    def __call__(
        self, answer: str, labels: Sequence[str], options: Sequence[str] = (), language: str = "en"
    ) -> Any: ...


def png(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), (shade % 256, shade // 256, 7)).save(buffer, "PNG")
    return buffer.getvalue()


def several(columns: Any) -> list[str]:
    return [columns] if isinstance(columns, str) else list(columns or ())


def named(template: str) -> list[str]:
    return [part.partition("}")[0] for part in template.split("{")[1:]]


class Rows:
    """What the table of a benchmark holds. images: row → the encoded images that belong to it, in order."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values, self.fields = values, values["fields"]
        self.short = values["name"].removeprefix("camel_bench_")
        self.published = not values["name"].startswith("camel_bench")  # CAMEL-Bench keeps its labels
        self.features: dict[str, Any] = {}
        self.images: dict[int, list[bytes]] = {}
        self.rows = [self._row(number) for number in range(ROWS)]
        if values.get("only"):
            self.rows.append({**self.rows[0], **dict.fromkeys(values["only"], "something else")})

    def save(self, folder: Path) -> str:
        data = datasets.Dataset.from_list(self.rows, features=datasets.Features(self.features))
        datasets.DatasetDict({self.values.get("split") or "test": data}).save_to_disk(str(folder))
        return str(folder)

    def _row(self, number: int) -> dict[str, Any]:
        row: dict[str, Any] = {}
        asked = named(self.fields.get("question", "{question}"))
        for name in asked:
            self._put(row, name, None if number == MISSING else f"سؤال {number}", datasets.Value("string"))
        self._put_options(row, number)
        self._put_labels(row)
        self._put_images(row, number)
        for name, pattern in (self.values.get("only") or {}).items():
            self._put(row, name, several(pattern)[0].replace("*", "Egyptian "), datasets.Value("string"))
        texts = [one["column"] for one in self.fields.values() if isinstance(one, dict)]
        texts += named(self.fields.get("id", ""))
        for kind in ("choice", "open"):
            texts += [name for one in self.values["prompt"].get(kind, {}).values() for name in named(one)]
        for name in (name for name in texts if name not in ("question", "options", "row")):
            self._put(row, name, "Public_Health 7", datasets.Value("string"))
        return row

    def _put(self, row: dict[str, Any], name: str, value: Any, feature: Any) -> None:
        if name not in row:
            row[name], self.features[name] = value, feature

    def _put_options(self, row: dict[str, Any], number: int) -> None:
        columns = self.fields.get("options")
        if isinstance(columns, str) and self.short in LISTS_AS_TEXT:
            ways = (str(OPTIONS), str(OPTIONS).replace(",", "،"), str(OPTIONS).replace(",", ""))
            self._put(row, columns, ways[number % 3], datasets.Value("string"))
        elif isinstance(columns, str):
            self._put(row, columns, OPTIONS, datasets.List(datasets.Value("string")))
        for name, option in zip(several(columns), [*OPTIONS, *[None] * 9], strict=False):
            self._put(row, name, option, datasets.Value("string"))

    def _put_labels(self, row: dict[str, Any]) -> None:
        kind = self.fields.get("label")
        for name in several(self.fields.get("labels")):
            if kind == "flags":
                self._put(row, name, [False, True, False], datasets.List(datasets.Value("bool")))
            elif not self.published:
                self._put(row, name, "", datasets.Value("string"))
            else:
                self._put(row, name, "1" if kind == "index0" else "B", datasets.Value("string"))

    def _put_images(self, row: dict[str, Any], number: int) -> None:
        columns = several(self.fields.get("images"))
        count = min(len(columns), 1 + number) if len(columns) > 1 else 1
        made = [png(100 * number + i) for i in range(count)] if columns else []
        if number == BROKEN and made:
            made[-1] = b"<html>404</html>"
        self.images[number] = made
        stored = [{"bytes": data, "path": None} for data in made]
        for name, image in zip(columns, [*stored, *[None] * 9], strict=False):
            as_list = self.short in LISTS_OF_IMAGES and self.published
            feature = datasets.List(datasets.Image()) if as_list else datasets.Image()
            self._put(row, name, [image] if as_list else image, feature)
