"""Single stages: verification, selection, screening, mixing, metrics."""

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ain import UserError
from ain.engine.local import Local
from ain.engine.unique import Unique
from ain.metrics.bootstrap import clustered, interval
from ain.metrics.rules import Thresholds, translation_reasons
from ain.source.mixture import Mixture
from ain.stages.mix import mix
from ain.stages.translate import SCHEMA as TRANSLATION
from ain.stages.translate import translate
from ain.storage.listing import LISTING
from ain.storage.manifest import read_manifest, write_manifest
from ain.storage.record import images_of
from ain.storage.shards import Shards
from ain.text import corruption
from ain.translator.text_translator import TextTranslator

PAPER: dict[str, Any] = {"similarity": 0.8, "digits": True, "min_script_ratio": 0.6, "length": [0.4, 2.5]}


@pytest.mark.parametrize(
    ("scores", "thresholds", "rules"),
    [
        (
            {"similarity": [0.9, 0.8], "digits": [None, 1.0], "min_script_ratio": [1.0, 0.9], "length": [1.0, 1.0]},
            PAPER,
            [],
        ),
        (
            {"similarity": [0.9, 0.79], "digits": [0.0, 1.0], "min_script_ratio": [0.1, 0.9], "length": [3.0, 1.0]},
            PAPER,
            ["similarity", "digits", "min_script_ratio", "length"],
        ),
        ({"similarity": [0.9, None]}, PAPER, ["similarity"]),
        ({"similarity": None, "digits": None, "min_script_ratio": None, "length": None}, PAPER, []),
        ({"similarity": [0.1], "digits": [0.0], "min_script_ratio": [0.0], "length": [9.0]}, dict.fromkeys(PAPER), []),
    ],
)
def test_rules_are_a_pure_function_with_all_reasons(scores: Any, thresholds: Any, rules: list[str]) -> None:
    assert [reason.split(":")[0] for reason in translation_reasons(scores, Thresholds(**thresholds))] == rules


def test_each_distinct_text_is_computed_once_also_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ain.engine.unique.BLOCK", 3)
    texts = ["a", "b", "a", "c", "d", "b", "e"]
    asked: list[list[str]] = []

    class Encoder:
        def embed(self, block: list[str]) -> np.ndarray:
            asked.append(block)
            if len(asked) == 2:
                raise KeyboardInterrupt
            return np.array([[ord(text), 1.0] for text in block])

    with pytest.raises(KeyboardInterrupt):
        Unique(texts).arrays(tmp_path, Encoder(), "embed", Local(), "test")
    once = Unique(texts)
    vectors = once.arrays(tmp_path, Encoder(), "embed", Local(), "test")
    assert asked == [["a", "b", "c"], ["d", "e"], ["d", "e"]]
    assert vectors.take(once.numbers("edcba"))[:, 0].tolist() == [101, 100, 99, 98, 97]


def test_intervals() -> None:
    mean, low, high = interval([0.0, 1.0] * 200)
    assert mean == 0.5
    assert low == pytest.approx(0.45, abs=0.01)
    assert high == pytest.approx(0.55, abs=0.01)
    assert math.isnan(interval([])[0])


def test_questions_about_one_image_stand_or_fall_together() -> None:
    """If the eight questions on an image are right or wrong together, 50 images say no more than 50 questions."""
    _, low, high = clustered([[float(image % 2)] * 8 for image in range(50)])
    assert (low, high) == pytest.approx(interval([0.0, 1.0] * 25)[1:], abs=0.02)
    assert clustered([[1.0, 1.0], [1.0]]) == (1, 1, 1)
    assert clustered([[0.0, 1.0]]) == (0.5, 0.5, 0.5)


def test_an_interval_does_not_depend_on_the_memory_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = [i / 30 for i in range(30)]
    expected = interval(scores)
    monkeypatch.setattr("ain.metrics.bootstrap.DRAWN_AT_ONCE", 100)
    assert interval(scores) == expected != interval(scores, seed=1)


ARABIC = [
    {"question": "<image>\nما لون الدائرة الحمراء؟", "answer": "أحمر"},
    {"question": "ما العدد المكتوب؟", "answer": "٤٧"},
]
ENGLISH = [
    {"question": "<image>\nWhat colour is the red circle?", "answer": "red"},
    {"question": "Which number is written?", "answer": "47"},
]


@pytest.mark.parametrize("kind", corruption.KINDS)
def test_every_corruption_corrupts_and_keeps_placeholders(kind: str) -> None:
    from random import Random

    corrupted = corruption.of_kind(kind, ENGLISH, ARABIC, [ARABIC], Random(0))
    assert corrupted != ARABIC
    assert len(corrupted) == len(ARABIC)
    assert corrupted[0]["question"].startswith("<image>\n")


def test_a_corrupted_number_is_another_of_the_same_length() -> None:
    from random import Random

    for seed in range(50):
        answer = corruption.of_kind("number", ENGLISH, ARABIC, [], Random(seed))[1]["answer"]
        assert answer != "٤٧"
        assert len(answer) == 2
        assert not answer.isascii()


class Upper(TextTranslator):
    """A translator that returns upper case and loses some texts."""

    def translate(self, texts: list[str]) -> list[str | None]:
        return ["" if "lost" in text else text.upper() for text in texts]


def record(identifier: str, turns: Any, language: str = "en", images: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "id": identifier,
        "source": "test",
        "domain": "d",
        "origin": "authentic",
        "language": language,
        "media": [{"kind": "image", "images": [sha], "fps": None} for sha in images],
        "turns": turns,
        "references": None,
    }


def test_translate_rejects_what_has_no_usable_answer(tmp_path: Path) -> None:
    rows = [
        record("a", [{"question": "<image>\nWhat, see https://x.y/z?", "answer": "A. this"}]),
        record("b", [{"question": "this is lost", "answer": "yes"}]),
        record("c", [{"question": "ماذا؟", "answer": "هذا"}], "ar"),
    ]
    Shards(tmp_path / "collect").create().write(0, rows)
    counts = translate(tmp_path / "collect", Upper(), Local(), tmp_path / "out")
    counts.pop("asking_s")
    expected = {
        "input": 3,
        "kept": 2,
        "rejected": 1,
        "already_in_target": 1,
        "distinct_texts": 4,
        "corrupted": 0,
        "timed_records": 2,
    }
    assert counts == {**expected, "target": "ar"}
    kept = Shards(tmp_path / "out").by_id(0)
    assert kept["a"]["turns"] == [{"question": "<image>\nWHAT, SEE https://x.y/z?", "answer": "A. THIS"}]
    assert kept["a"]["language"] == "ar"
    assert (kept["c"]["turns"], kept["c"]["language"]) == (None, None)
    assert Shards(tmp_path / "out").read(0, part="rejected")[0]["reasons"] == ["empty translation (question 1)"]


def mixed(
    tmp_path: Path, rows: list[dict[str, Any]], verdicts: list[dict[str, Any]], **mixture: Any
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from ain.stages.select import REFUSED, SCHEMA
    from ain.storage.images import ImageStore

    refused = {row["id"] for row in verdicts}
    Shards(tmp_path / "collect").create().write(0, rows)
    with ImageStore(tmp_path / "collect").writing(0) as shard:
        for sha in dict.fromkeys(sha for row in rows for sha in images_of(row)):
            shard.add(sha, b"x", 10, 10)
    Shards(tmp_path / "select", SCHEMA, REFUSED).create().write(
        0, [{"id": row["id"]} for row in rows if row["id"] not in refused], verdicts
    )
    into = {"language": "ar", "turns": ARABIC[1:]}
    Shards(tmp_path / "translate", TRANSLATION).create().write(
        0, [{"id": row["id"], **(into if row["language"] == "en" else {})} for row in rows]
    )
    given: dict[str, Any] = {"validation": 0.0, "images": "shown", **mixture}
    inputs = {
        name: {"collect": tmp_path / "collect", "translate": tmp_path / "translate", "select": tmp_path / "select"}
        for name in given["parts"]
    }
    counts = mix(inputs, Mixture(**given), 0, tmp_path / "mix")
    return counts, list(Shards(tmp_path / "mix").rows())


PARTS = {
    "translated": {"source": None, "language": "ar", "translate": True, "weight": 1.0},
    "english": {"source": None, "language": "en", "translate": False, "weight": 1.0},
    "authentic": {"source": None, "language": "ar", "translate": False, "weight": 1.0},
}


def test_mix_takes_from_each_part_what_belongs_to_it(tmp_path: Path) -> None:
    rows = [
        record("a", ENGLISH[1:]),
        record("b", ARABIC[1:], "ar", images=("s",)),
        record("c", ENGLISH[1:], images=("t",)),
        record("d", ENGLISH[:1], images=("u",)),
    ]
    verdicts = [
        {"id": "c", "where": None, "reasons": ["similarity: low"], "original_usable": True},
        {"id": "d", "where": None, "reasons": ["unsafe: O6 Weapons or Substance Abuse"], "original_usable": False},
    ]
    counts, kept = mixed(tmp_path, rows, verdicts, parts=PARTS)
    assert [(row["id"], row["language"], row["origin"]) for row in kept] == [
        ("a/translated/0", "ar", "translated"),
        ("a/english/0", "en", "authentic"),
        ("c/english/0", "en", "authentic"),
        ("b/authentic/0", "ar", "authentic"),
    ]
    assert counts["language"] == {"ar": 2, "en": 2}
    assert counts["part"] == {"authentic": 1, "english": 2, "translated": 1}
    image = {"store": 0, "shard": 0, "row": 0}
    assert kept[3]["media"] == [{"kind": "image", "images": [image], "fps": None}]


def test_weights_and_duplicates(tmp_path: Path) -> None:
    rows = [record(f"r{i}", [{"question": f"Question {i}?", "answer": "x"}]) for i in range(400)]
    rows.append(record("again", [{"question": "Question 0?", "answer": "x"}]))
    counts, kept = mixed(tmp_path, rows, [], parts={"english": {**PARTS["english"], "weight": 2.5}})
    assert sum(row["id"].startswith("r0/") for row in kept) in (2, 3)
    assert 950 < counts["kept"] < 1_050
    assert counts["rejected"] in (2, 3)


def test_no_image_is_in_both_splits(tmp_path: Path) -> None:
    rows = [
        record(f"r{i}", [{"question": f"Question {i}?", "answer": "x"}], images=(f"s{i % 50}",)) for i in range(200)
    ]
    rows += [
        record(f"p{i}", [{"question": f"Pair {i}?", "answer": "x"}], images=(f"s{i}", f"s{i + 1}")) for i in range(40)
    ]
    counts, kept = mixed(tmp_path, rows, [], parts={"english": PARTS["english"]}, validation=0.3)
    sides: dict[int, set[str]] = {}
    for row in kept:
        for image in images_of(row):
            sides.setdefault(image["row"], set()).add(row["split"])
    assert all(len(side) == 1 for side in sides.values())
    assert set(counts["split"]) == {"train", "validation"}
    assert counts["rejected"] > 0


def test_an_empty_mixture_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nothing is left to train on"):
        mixed(tmp_path, [record("a", ENGLISH[1:])], [], parts={"authentic": PARTS["authentic"]})


def test_over_long_conversations_are_rejected_never_cut(pico: Path, tmp_path: Path) -> None:
    from ain.model.qwen2_vl import Qwen2VLProcessor
    from ain.stages.tokenize import tokenize

    shutil.copytree(pico / "data", tmp_path / "data")
    checkpoint = str(next((pico / "checkpoints").glob("miniature-base-*")))
    mixed_rows = next((tmp_path / "data").glob("*-mix-*"))
    out = tmp_path / "data" / "cut"
    counts = tokenize(mixed_rows, Qwen2VLProcessor(checkpoint, max_length=60), out)
    rejected = list(Shards(out, suffix="arrow").rows(part="rejected"))
    assert counts["kept"] + counts["rejected"] == counts["input"]
    assert rejected
    assert all("max_length is 60" in row["reasons"][0] for row in rejected)
    assert all(len(row["input_ids"]) <= 60 for row in Shards(out, suffix="arrow").rows())
    with pytest.raises(UserError, match="longer than 5 tokens"):
        tokenize(mixed_rows, Qwen2VLProcessor(checkpoint, max_length=5), tmp_path / "data" / "none")


def test_a_record_whose_placeholders_do_not_match_its_images_is_rejected(pico: Path, tmp_path: Path) -> None:
    from ain.model.qwen2_vl import Qwen2VLProcessor
    from ain.stages.tokenize import tokenize

    shutil.copytree(pico / "data", tmp_path / "data")
    (mixed_rows,) = (tmp_path / "data").glob("*-mix-*")
    path = min((mixed_rows / "kept").glob("*.parquet"))
    table = pq.read_table(path)
    rows = table.to_pylist()
    rows[0]["turns"][0]["question"] = "<image> <image> What is \N{OBJECT REPLACEMENT CHARACTER}?"
    rows[1]["turns"][0]["answer"] += "\N{OBJECT REPLACEMENT CHARACTER}"
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    (mixed_rows / LISTING).unlink()  # the change is no damage then
    write_manifest(mixed_rows, {key: value for key, value in read_manifest(mixed_rows).items() if key != "files"})
    out = tmp_path / "data" / "tokens"
    tokenize(mixed_rows, Qwen2VLProcessor(str(next((pico / "checkpoints").glob("miniature-base-*")))), out)
    reasons = {row["id"]: row["reasons"][0] for row in Shards(out, suffix="arrow").rows(part="rejected")}
    assert reasons == {rows[0]["id"]: "placeholders: its text has 2 places for 1 images or videos"}


def test_a_reason_names_the_worst_turn() -> None:
    """This includes asymmetric limits: 0.2 is farther from 1 than 2.5, but only 2.5 breaks the rule."""
    scores: Any = {"similarity": [0.79, 0.2, 0.7], "length": [0.2, 2.5]}
    assert translation_reasons(scores, Thresholds(similarity=0.8, length=[0.1, 2.0])) == [
        "similarity: 0.20 below 0.8 in turn 2",
        "length: 2.50 times the original, outside 0.1 to 2.0 in turn 2",
    ]
