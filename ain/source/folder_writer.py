"""Write conversations as a folder in LLaVA's or LLaMA-Factory's format, which `ain.source.folder` reads back."""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TextIO

from ain import UserError
from ain.storage.files import replace_bytes, replace_text
from ain.storage.images import suffix
from ain.storage.record import Row, Turns

Format = Literal["llava", "llamafactory"]
Exported = tuple[Row, Callable[[Any], bytes]]  # a row with `id`, `media`, `turns`; the bytes of an image by its name
DATA = "data.json"
_NAMES = {"llava": ("from", "value", "human", "gpt"), "llamafactory": ("role", "content", "user", "assistant")}
_KEPT = ("domain", "language", "split")


def write_folder(rows: Iterable[Exported], out: Path, format: Format) -> dict[str, int]:
    """Write `data.json` and `images/`, each distinct image once, row by row, and return the counts.

    The folder appears when it is complete. Raises UserError if `out` exists and is not empty.
    """
    counts, videos = {"records": 0, "images": 0}, False
    with _beside(out) as folder:
        with open(folder / DATA, "w", encoding="utf-8") as file:
            for row, image in rows:
                paths = [[_image(folder, image(name), counts) for name in one["images"]] for one in row["media"]]
                videos = videos or any(one["kind"] == "video" for one in row["media"])
                _append(file, _row(row, paths, format), counts["records"] == 0)
                counts["records"] += 1
            file.write("\n]\n" if counts["records"] else "[]\n")
        if format == "llamafactory":
            replace_text(folder / "dataset_info.json", json.dumps(_dataset_info(videos), indent=2) + "\n")
    return counts


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """Provide a folder that becomes `out` if all goes well, and is deleted otherwise."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out}: it exists and is not an empty folder; name a new one")
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        folder.mkdir()
        yield folder
        os.replace(folder, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _append(file: TextIO, row: Row, first: bool) -> None:
    file.write(("[\n" if first else ",\n") + json.dumps(row, ensure_ascii=False))


def _image(folder: Path, data: bytes, counts: dict[str, int]) -> str:
    """Write an image, named by its content, and return its path in the folder. Subfolders keep directories small."""
    import hashlib

    sha = hashlib.sha256(data).hexdigest()
    name = f"images/{sha[:2]}/{sha}.{suffix(data)}"
    if not (folder / name).exists():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        replace_bytes(folder / name, data)
        counts["images"] += 1
    return name


def _row(row: Row, paths: list[list[str]], format: Format) -> Row:
    pairs = list(zip(row["media"], paths, strict=True))
    images = [path for one, names in pairs if one["kind"] == "image" for path in names]
    videos = [names for one, names in pairs if one["kind"] == "video"]
    rates = [one["fps"] for one in row["media"] if one["kind"] == "video"]
    made = {"id": row["id"], **{name: row[name] for name in _KEPT if row.get(name) is not None}}
    if format == "llava":
        made |= {"image": images[0] if len(images) == 1 else images} if images else {}
        made["conversations"] = messages(row["turns"], format)
    else:
        made |= {"images": images, "messages": messages(row["turns"], format)}
    made |= {"videos": videos} if videos else {}
    made |= {"fps": rates} if any(rates) else {}
    if row.get("references"):
        made["references"] = {one["language"]: messages(one["turns"], format) for one in row["references"]}
    return made


def messages(turns: Turns, format: Format) -> list[dict[str, str]]:
    """Return turns as messages in the format's own words."""
    role, content, user, assistant = _NAMES[format]
    return [
        {role: who, content: turn[part]} for turn in turns for who, part in ((user, "question"), (assistant, "answer"))
    ]


def _dataset_info(videos: bool) -> dict[str, Any]:
    """Return what LLaMA-Factory needs to know about the file; `dataset: ain` in its settings names it."""
    role, content, user, assistant = _NAMES["llamafactory"]
    columns = {"messages": "messages", "images": "images"} | ({"videos": "videos"} if videos else {})
    tags = {"role_tag": role, "content_tag": content, "user_tag": user, "assistant_tag": assistant}
    return {"ain": {"file_name": DATA, "formatting": "sharegpt", "columns": columns, "tags": tags}}
