"""Peak memory of screen, select and mix, and of the listing of a folder, with as many records as a machine has time for.

    python benchmarks/bounds.py 100000 1000000        a row for each step and size, and what 3.6 million records need

The shards that these stages read are written directly: one question about one image of a pixel, all differ; a fifth of the
similarities is below the threshold, and a fifth of the images is unsafe. The ledger holds the screener's answers, but for
10,000 images that its model, in the same process, answers at once. mix draws all translations. The folder holds as many
empty files. Each step is a process of its own with two workers. Memory is the peak of all its processes
together, without mapped files, whose pages the system takes back when it needs them. What grows is taken from two sizes.
The last line is a JSON object: step → MB at 3.6 million records.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from used import Used

from ain.chat import LanguageModel, Reply, Request
from ain.engine.local import Local
from ain.metrics.rules import Thresholds
from ain.screener.chat import ChatScreener
from ain.source.mixture import Mixture
from ain.stages import mix, screen, select, translate, verify
from ain.storage.digests import folder_digest
from ain.storage.images import ImageStore, png
from ain.storage.ledger import Ledger
from ain.storage.listing import mark_done
from ain.storage.shards import SHARD_ROWS, Shards

WHOLE = 3_600_000
STEPS = ("listing", "screen", "select", "mix")
POLICY = {
    **dict.fromkeys(("opening", "steps", "answer", "repair"), "Judge."),
    "categories": {"O1": {"name": "Hate", "forbidden": ["it"], "allowed": ["none"]}},
}
MIXTURE = {"translated": {"language": "ar", "translate": True}}
ASKED = 10_000


def verdict(sha: str) -> dict[str, str]:
    """Return a verdict by the first digit of an image's name."""
    rating, category = ("Unsafe", "O1") if sha[0] in "012" else ("Safe", "NA")
    return {"rating": rating, "category": category, "rationale": "It shows."}


class Instant(LanguageModel):
    """Answers at once."""

    identity = ["instant"]  # noqa: RUF012

    def generate(self, requests: Iterable[Request], take: Callable[..., None], *_: Any, **__: Any) -> None:
        for request in requests:
            take(request, Reply(json.dumps(verdict(request.id))))


def remember(ledger: Ledger, screener: ChatScreener, names: list[str]) -> None:
    ledger.put((screener._key(sha, 1), json.dumps({**verdict(sha), "answer": "{}"})) for sha in names)


def write(data: Path, records: int) -> None:
    """Write what collect, translate and verify would, shard by shard."""
    collect, translated, verified = (data / name for name in ("01-collect", "02-translate", "03-verify"))
    kept = Shards(collect).create()
    texts = Shards(translated, translate.SCHEMA, translate.REFUSED).create()
    scores = Shards(verified, verify.SCHEMA, suffix="arrow").create()
    draw = np.random.default_rng(0)
    ledger, screener = Ledger(data.parent / "ledger.sqlite"), ChatScreener(Instant(), POLICY)
    for index, start in enumerate(range(0, records, SHARD_ROWS)):
        numbers = range(start, min(start + SHARD_ROWS, records))
        images = [png(Image.new("RGB", (1, 1), (number >> 16, number >> 8 & 255, number & 255))) for number in numbers]
        names = [hashlib.sha256(image).hexdigest() for image in images]
        with ImageStore(collect).writing(index) as shard:
            for name, image in zip(names, images, strict=True):
                shard.add(name, image, 1, 1)
        if start >= ASKED:
            remember(ledger, screener, names)
        ids = [f"record-{number}" for number in numbers]
        rows = [_record(*both) for both in zip(ids, names, strict=True)]
        kept.write(index, rows)
        arabic = [{"question": "<image>ما هذا؟", "answer": f"هذا {name}"} for name in names]
        texts.write(index, [{"id": i, "language": "ar", "turns": [one]} for i, one in zip(ids, arabic, strict=True)])
        values = pa.array([[value] for value in draw.uniform(0.75, 1, len(ids))], verify.SCORES)
        nothing = pa.array([[None]] * len(ids), verify.SCORES)
        columns = {"id": ids, "similarity": values, **dict.fromkeys(verify.CHECKS, nothing)}
        empty = pa.Table.from_pylist([], schema=scores.schemas["rejected"])
        scores.write_tables(index, pa.table(columns), empty)
    for directory in (collect, translated, verified):
        mark_done(directory, {"counts": {"input": records, "kept": records, "rejected": 0}})


def _record(identifier: str, sha: str) -> dict[str, Any]:
    return {
        "id": identifier,
        "source": "folder",
        "domain": "general",
        "origin": "authentic",
        "language": "en",
        "media": [{"kind": "image", "images": [sha], "fps": None}],
        "turns": [{"question": "<image>What is it?", "answer": f"It is {sha}"}],
        "references": None,
    }


def fill(folder: Path, files: int) -> None:
    folder.mkdir()
    for number in range(files):
        os.close(os.open(folder / f"image-{number:09d}.png", os.O_CREAT))


def step(name: str, where: Path) -> None:
    """Run one step in this process, and print the peak of its memory."""
    used, engine, data = Used(), Local(workers=2), where / "data"
    inputs = {
        "collect": data / "01-collect",
        "translate": data / "02-translate",
        "verify": data / "03-verify",
        "screen": data / "05-screen",
        "select": data / "06-select",
    }
    if name == "listing":
        folder_digest(where / "folder")
    elif name == "screen":
        counts = screen.screen(inputs["collect"], ChatScreener(Instant(), POLICY), engine, inputs["screen"])
        mark_done(inputs["screen"], {"counts": counts})
    elif name == "select":
        before = [inputs["collect"], inputs["translate"], inputs["verify"], None, inputs["screen"]]
        select.select(*before, Thresholds(similarity=0.8, digits=True, unsafe=True), inputs["select"])  # type: ignore[arg-type]
    else:
        mixture = Mixture(MIXTURE, validation=0.02, images="shown")  # type: ignore[arg-type]
        mix.mix(dict.fromkeys(MIXTURE, inputs), mixture, 0, data / "07-mix", engine)
    print(json.dumps({"mb": used.peak}))


def measured(records: int) -> dict[str, float]:
    made = {}
    with tempfile.TemporaryDirectory(dir="outputs") as path:
        where = Path(path).resolve()
        write(where / "data", records)
        fill(where / "folder", records)
        for name in STEPS:
            started = time.perf_counter()
            done = subprocess.run([sys.executable, __file__, "--step", name, where], stdout=subprocess.PIPE, check=True)
            made[name] = json.loads(done.stdout.splitlines()[-1])["mb"]
            print(f"| {name} | {records:,} | {time.perf_counter() - started:.0f} | {made[name]:.0f} |", flush=True)
    return made


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("records", type=int, nargs="*")
    asked.add_argument("--step", nargs=2)
    given = asked.parse_args()
    if given.step:
        return step(given.step[0], Path(given.step[1]))
    print("| | records | seconds | memory, MB |\n|---|---:|---:|---:|")
    Path("outputs").mkdir(exist_ok=True)
    (few, least), (many, most) = [(records, measured(records)) for records in sorted(given.records)]
    whole = {name: most[name] + (most[name] - least[name]) / (many - few) * (WHOLE - many) for name in STEPS}
    print(json.dumps({name: round(value) for name, value in whole.items()}))


if __name__ == "__main__":
    main()
