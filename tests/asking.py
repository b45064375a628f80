"""Shared by the chat translation tests: running a command against a server on loopback, and checking its results."""

import itertools
import json
import os
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from commands import Result
from openai_answers import arabic

from ain.storage.ledger import Ledger
from ain.storage.shards import Shards

Serve = Callable[..., str]
RECORDS = 400  # of the fixture `vqa`


def log(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url.replace("/v1", "/log?all=1"), timeout=60) as answer:
        return json.load(answer)  # type: ignore[no-any-return]


def words(vqa: Path, outputs: Path, url: str, *more: str) -> list[str]:
    how = "translator.how."
    fast = [f"{how}requests_per_minute=null", f"{how}tokens_per_minute=null", f"{how}timeout_s=2", f"{how}poll_s=0.05"]
    chosen = ["translator=openai_compatible", "translator.model=test", f"{how}base_url={url}"]
    return [
        "translate",
        "source=folder",
        f"source.path={vqa}",
        *chosen,
        *fast,
        "tracker=disabled",
        f"output_dir={outputs}",
        *more,
    ]


def manifest(outputs: Path) -> dict[str, Any]:
    (path,) = (outputs / "data").glob("02-translate-*/manifest.json")
    return json.loads(path.read_text())["counts"]  # type: ignore[no-any-return]


def check(outputs: Path) -> dict[str, list[str]]:
    """Check that every record has its own Arabic or is rejected; return id → reasons."""
    (collect,), (out,) = ((outputs / "data").glob(name) for name in ("01-*", "02-*"))
    made = {row["id"]: row["turns"] for row in Shards(out).rows(["id", "turns"])}
    rejected = {row["id"]: row["reasons"] for row in Shards(out).rows(["id", "reasons"], "rejected")}
    originals = list(Shards(collect).rows(["id", "turns"]))
    assert len(made) + len(rejected) == len(originals) == RECORDS
    for row in originals:
        if row["id"] in made:
            for english, turn in zip(row["turns"], made[row["id"]], strict=True):
                assert turn == {name: arabic(text) for name, text in english.items()}
        else:
            assert rejected[row["id"]]
    return rejected


def good(result: Result) -> None:
    assert result.returncode == 0, result.stderr[-3_000:]


def die_at_put(how: str, nth: int) -> None:
    """Be killed before or after the nth answer is committed to the ledger."""
    put, puts = Ledger.put, itertools.count(1)

    def dying(*arguments: Any, **named: Any) -> None:
        last = next(puts) == nth
        if last and how == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        put(*arguments, **named)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    Ledger.put = dying  # type: ignore[method-assign]
