"""The cost of a sweep of ten thresholds over 100,000 records that are already scored.

    python benchmarks/sweep.py            ten seconds, most of them for generating the scores

The stage itself runs ten times on score columns in the form that verify, back_translate and screen write. The last line
is a JSON object:
  seconds  total of all ten
  bytes    written to disk by the largest of them
  models   model libraries that were imported: none
"""

import json
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ain.metrics.rules import RULES, Thresholds
from ain.stages.select import select
from ain.storage.listing import mark_done
from ain.storage.record import RECORD, REJECTED, SCORES
from ain.storage.shards import SHARD_ROWS, Shards

RECORDS, TURNS = 100_000, 2
PAPER: dict[str, Any] = {
    "similarity": 0.8,
    "digits": True,
    "placeholders": True,
    "min_script_ratio": 0.6,
    "language": 0.1,
}
PAPER |= {
    "max_latin_run": 3,
    "max_repetition": 0.5,
    "diacritics": None,
    "length": [0.4, 2.5],
    "unsafe": True,
    "sampled": "corpus",
    "bleu": 0.6,
}


def drawn(root: Path) -> dict[str, Path]:
    """Return stage directories with random scores; at the paper's threshold about a fifth of the records are rejected."""
    random = np.random.default_rng(0)
    columns = [rule.column for rule in RULES.values()]
    scored = pa.schema([("id", pa.string()), *((name, SCORES) for name in columns)])
    paths = {name: root / name for name in ("collect", "translate", "verify", "back_translate", "screen")}
    collected = Shards(paths["collect"]).create()
    verified = Shards(paths["verify"], scored, suffix="arrow").create()
    translated = Shards(paths["translate"], pa.schema([("id", pa.string())])).create()
    flagged = pa.schema([(name, pa.string()) for name in ("id", "sha256", "rating", "category")])
    unsafe = []
    size = SHARD_ROWS * TURNS
    for shard in range(RECORDS // SHARD_ROWS):
        ids = [f"{random.bytes(6).hex()}-{shard}-{row}" for row in range(SHARD_ROWS)]
        media = [[{"kind": "image", "images": [random.bytes(32).hex()]}] for _ in ids]
        blank = {name: pa.nulls(SHARD_ROWS, RECORD.field(name).type) for name in RECORD.names}
        named = pa.array(media, RECORD.field("media").type)
        kept = pa.table({**blank, "id": pa.array(ids), "media": named}, schema=RECORD)
        collected.write_tables(shard, kept, REJECTED.empty_table())
        scores = {name: lists(random.beta(30, 1, size)) for name in columns}
        scores["similarity"] = lists(0.6 + 0.4 * random.beta(7, 2, size))
        scores |= {name: lists(random.random(size) > 0.003) for name in ("digits", "placeholders")}
        scores |= {name: lists(random.beta(1, 30, size)) for name in ("max_latin_run", "max_repetition", "diacritics")}
        scores["length"] = lists(np.exp(random.normal(0, 0.3, size)))
        verified.write_tables(shard, pa.table({"id": pa.array(ids), **scores}, schema=scored), REJECTED.empty_table())
        translated.write_tables(shard, pa.table({"id": pa.array(ids)}), REJECTED.empty_table())
        unsafe += [name for name, draw in zip(ids, random.random(SHARD_ROWS), strict=True) if draw < 0.04]
    rows = [{"id": name, "sha256": "", "rating": "Unsafe", "category": "O6"} for name in unsafe]
    Shards(paths["screen"] / "flagged", flagged).create().write(0, rows)
    mark_done(paths["translate"], {"counts": {"rejected": 0}})
    mark_done(paths["screen"], {"counts": {"computed": True}})
    paths["back_translate"].mkdir()
    mark_done(paths["back_translate"], {"counts": {"sampled": 50, "bleu_4": 0.7, "meteor": 0.9, "rouge_l": 0.9}})
    return paths


def lists(values: np.ndarray) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(values.astype(np.float32)), TURNS).cast(SCORES)


def measured(root: Path) -> dict[str, Any]:
    paths = drawn(root)
    started, sizes, kept = time.perf_counter(), [], []
    for step in range(10):
        out = root / f"select-{step}"
        counts = select(**paths, thresholds=Thresholds(**{**PAPER, "similarity": 0.70 + 0.02 * step}), out=out)
        assert counts["kept"] + counts["rejected"] == counts["input"] == RECORDS
        kept.append(counts["kept"])
        sizes.append(sum(path.stat().st_size for path in out.rglob("*") if path.is_file()))
    seconds = time.perf_counter() - started
    print(
        f"kept, from the lowest threshold to the highest: {kept}; Python {platform.python_version()}, pyarrow {pa.__version__}"
    )
    models = sorted({"torch", "transformers", "sentence_transformers"} & set(sys.modules))
    return {"seconds": round(seconds, 2), "bytes": max(sizes), "models": models}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measured(Path(folder))))
