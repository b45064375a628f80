"""Shards: complete or absent, with the same schema even if empty, readable by `datasets`."""

from pathlib import Path

import datasets
import pyarrow as pa
import pytest

from ain.storage.record import SCORES, rejection
from ain.storage.shards import Shards

SCHEMA = pa.schema([("id", pa.string()), ("score", SCORES)])


@pytest.fixture(params=["parquet", "arrow"])
def shards(request: pytest.FixtureRequest, tmp_path: Path) -> Shards:
    return Shards(tmp_path, SCHEMA, suffix=request.param).create()


def test_rows_come_back_in_order(shards: Shards) -> None:
    shards.write(0, [{"id": "a", "score": [0.5, None]}], [rejection("b", ["bad", "worse"])])
    shards.write(1, [{"id": "c", "score": None}])
    assert [row["id"] for row in shards.rows()] == ["a", "c"]
    assert shards.by_id(0, ["score"])["a"]["score"] == [0.5, None]
    assert shards.read(0, part="rejected") == [{"id": "b", "where": None, "reasons": ["bad", "worse"]}]
    assert (len(shards), shards.count(), shards.count("rejected")) == (2, 2, 1)


def test_datasets_reads_what_was_kept_and_what_was_not(
    shards: Shards, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    shards.write(0, [{"id": "a", "score": [1.0]}], [])
    shards.write(1, [], [rejection("b", ["bad"])])
    cache = str(tmp_path / "cache")
    assert datasets.load_dataset(str(shards.directory), split="train", cache_dir=cache)["id"] == ["a"]
    assert datasets.load_dataset(str(shards.directory), "rejected", split="train", cache_dir=cache)["reasons"] == [
        ["bad"]
    ]


def test_a_failed_write_leaves_nothing(shards: Shards) -> None:
    with pytest.raises(pa.ArrowInvalid):
        shards.write(0, [{"id": "a", "score": "high"}])
    assert not shards.done(0)
    assert [path for path in shards.directory.rglob("*.tmp")] == []
