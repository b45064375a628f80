"""Selection rules per threshold; rejections with all their reasons; the funnel."""

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ain import UserError
from ain.back_translation.quality import COLUMNS
from ain.metrics.rules import RULES, Scores, Thresholds, broken, explained, translation_reasons
from ain.pipeline.build import build
from ain.pipeline.values import checked
from ain.stages.select import select
from ain.storage.listing import mark_done
from ain.storage.record import RECORD, SCORES, TURNS
from ain.storage.shards import Shards
from ain.storage.tables import read_table


def column(*records: list[float | None] | None) -> Scores:
    return Scores.of(pa.chunked_array([pa.array(list(records), pa.list_(pa.float32()))]))


def test_rules_over_columns() -> None:
    """A record's worst turn counts; nulls are rejected if a score is required; thresholds have the scores' precision."""
    records, reasons = broken(RULES["similarity"], column([0.9, 0.7, 0.2], [0.8], None, [], [0.95, None]), 0.8)
    assert records.tolist() == [0, 4]
    assert reasons == ["similarity: 0.20 below 0.8 in turn 3", "similarity: not computed in turn 2"]
    assert broken(RULES["similarity"], column([0.9]), 0.9)[1] == []
    assert broken(RULES["digits"], column([None, 1.0], [1.0, 0.0]), True)[1] == ["digits: numbers differ in turn 2"]
    assert broken(RULES["max_latin_run"], column([3.0], [4.0]), 3)[1] == [
        "max_latin_run: 4 Latin words in a row, more than 3 in turn 1"
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
    assert explained(RULES["length"], [1.2, 0.9], [0.4, 2.5])["verdict"] == "passed"
    for name, values, threshold, verdict, note, limit in (
        ("digits", [None, None], True, "not judged", "does not apply", "at least 1"),
        ("bleu", [None], 0.6, "broken", "not computed", "at least 0.6"),
        ("min_script_ratio", [0.1], None, "not judged", "off", ""),
        ("length", [1.0], [0.4, 2.5], "passed", "", "0.4 to 2.5"),
        ("max_latin_run", [4.0], 3, "broken", "", "at most 3"),
    ):
        found = explained(RULES[name], values, threshold)
        assert (found["verdict"], found["note"], found["limit"]) == (verdict, note, limit)


TURN = {"question": "what is in the middle of the image", "answer": "a red cat"}
WORSE = {"question": "why does nobody ever answer this", "answer": "no idea"}


def scored(root: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Write stages with these scores; a row's `unsafe` is the rating of its image if that is not Safe. Rows with sampled
    scores were translated back, to their `back` or to the very original."""
    columns = [rule.column for rule in RULES.values()]
    sampled = {"bleu_4", "meteor", "rouge_l"}
    schema = pa.schema([("id", pa.string()), ("turns", TURNS), *((name, SCORES) for name in {*columns, *COLUMNS})])
    rows = [{"id": str(i), **row} for i, row in enumerate(rows)]
    blank = dict.fromkeys(columns)
    Shards(root / "collect").create().write(
        0,
        [
            {**dict.fromkeys(RECORD.names), "id": row["id"], "domain": row.get("domain"), "turns": [TURN]}
            for row in rows
        ],
    )
    failed = [{"id": row["id"], "where": None, "reasons": row["failed"]} for row in rows if "failed" in row]
    usable = [row for row in rows if "failed" not in row]
    Shards(root / "translate", pa.schema([("id", pa.string())])).create().write(
        0, [{"id": r["id"]} for r in usable], failed
    )
    for stage, names in (("verify", set(columns) - sampled), ("back_translate", sampled)):
        made = [{**blank, "id": row["id"], **{name: row[name] for name in names if name in row}} for row in usable]
        if stage == "back_translate":
            made = [
                {**{key: [0.0] for key in COLUMNS}, **one, "turns": [row.get("back", TURN)]} if "meteor" in row else one
                for one, row in zip(made, usable, strict=True)
            ]
        Shards(root / stage, schema, suffix="arrow").create().write(0, made)
    flagged = pa.schema([(name, pa.string()) for name in ("id", "sha256", "rating", "category")])
    bad = [{"id": r["id"], "sha256": "s", "rating": r["unsafe"], "category": "O6"} for r in rows if "unsafe" in r]
    Shards(root / "screen" / "flagged", flagged).create().write(0, bad)
    mark_done(root / "translate", {"counts": {"rejected": len(failed)}})
    mark_done(root / "screen", {"counts": {"computed": True}})
    mark_done(root / "back_translate", {"counts": {"sampled": 2, "language": "en"}})
    return {name: root / name for name in ("collect", "translate", "verify", "back_translate", "screen")}


ROWS: list[dict[str, Any]] = [
    {"similarity": [0.9, 0.95], "bleu_4": [0.7], "meteor": [0.9], "rouge_l": [0.9]},
    {"similarity": [0.5], "digits": [0.0], "bleu_4": [0.1], "meteor": [0.1], "rouge_l": [0.1], "back": WORSE},
    {"similarity": [0.9], "digits": [0.0]},
    {"similarity": [0.9], "unsafe": "Unsafe"},
    {"similarity": [0.3], "unsafe": None},
    {"failed": ["cut off"]},
    {},
]
PAPER: dict[str, Any] = {
    "similarity": 0.8,
    "bleu": 0.6,
    "meteor": 0.8,
    "rouge": 0.8,
    "sampled": "corpus",
    "digits": True,
    "unsafe": True,
}


def judged(inputs: dict[str, Path], out: Path, **thresholds: Any) -> tuple[dict[str, Any], dict[str, list[str]]]:
    counts = select(**inputs, thresholds=Thresholds(**{**PAPER, **thresholds}), out=out)
    assert counts["kept"] + counts["rejected"] == counts["input"] == len(ROWS)
    return counts, {row["id"]: row["reasons"] for row in Shards(out).rows(part="rejected")}


def test_every_rejection_has_all_its_reasons(tmp_path: Path) -> None:
    counts, rejected = judged(scored(tmp_path, ROWS), tmp_path / "out")
    assert rejected == {
        "1": ["similarity: 0.50 below 0.8 in turn 1", "digits: numbers differ in turn 1"],
        "2": ["digits: numbers differ in turn 1"],
        "3": ["unsafe: O6"],
        "4": ["similarity: 0.30 below 0.8 in turn 1", "unsafe: no readable verdict, held back for review"],
        "5": ["translation: cut off"],
    }
    assert {"bleu", "similarity", "unsafe"}.isdisjoint(counts["not_applied"])
    assert "min_script_ratio" in counts["not_applied"]
    usable = {row["id"]: row["original_usable"] for row in Shards(tmp_path / "out").rows(part="rejected")}
    assert usable == {"1": True, "2": True, "3": False, "4": False, "5": True}
    with open(tmp_path / "out" / "tables" / "rules.csv") as file:
        funnel = {row["rule"]: [int(value) for value in list(row.values())[1:]] for row in csv.DictReader(file)}
    assert funnel == {"translation": [1, 1, 6], "similarity": [2, 0, 4], "digits": [2, 1, 3], "unsafe": [2, 1, 2]}


def test_what_is_kept_and_why_not_by_domain(tmp_path: Path) -> None:
    domains = ["ocr", "ocr", "charts", "charts", "charts", "ocr", "ocr"]
    rows = [{**row, "domain": domain} for row, domain in zip(ROWS, domains, strict=True)]
    judged(scored(tmp_path, rows), tmp_path / "out")
    rules = {row.pop("domain"): row for row in read_table(tmp_path / "out" / "tables" / "rules_by_domain.csv")}
    assert rules["ocr"] == {"records": 4, "translation": 25.0, "similarity": 25.0, "digits": 25.0, "unsafe": 0.0}
    assert rules["charts"] == {"records": 3, "translation": 0.0, "similarity": 33.3, "digits": 33.3, "unsafe": 66.7}
    ocr = {"kept": 0.9, "kept translations": 1, "rejected": 0.5, "rejected translations": 1}
    charts = {"kept": None, "kept translations": 0, "rejected": 0.7, "rejected translations": 3}
    found = {row.pop("domain"): row for row in read_table(tmp_path / "out" / "tables" / "similarity_by_domain.csv")}
    assert found == {"charts": charts, "ocr": ocr}


def test_a_sample_speaks_for_all_or_each_for_itself(tmp_path: Path) -> None:
    """A sample below a threshold rejects every translation; per record, those that were not sampled are rejected."""
    inputs = scored(tmp_path, [{**ROWS[0], "back": WORSE}, *ROWS[1:]])
    _, rejected = judged(inputs, tmp_path / "all")
    reason = "bleu: 0.00 below 0.6 over 1 record translated back"  # of two sampled, the other is rejected anyway
    assert {name for name, reasons in rejected.items() if reason in reasons} == {"0", "1", "2", "3", "4"}
    assert "6" not in rejected  # it was already in the target language
    silent = scored(tmp_path / "silent", [{**ROWS[0], "back": {"question": "", "answer": ""}}, *ROWS[1:]])
    _, rejected = judged(silent, tmp_path / "unanswered")
    assert f"{reason}, of which 1 got no answer and score 0" in rejected["0"]
    _, rejected = judged(inputs, tmp_path / "each", sampled="record")
    assert "0" not in rejected
    assert "bleu: 0.10 below 0.6 in turn 1" in rejected["1"]


def test_a_threshold_of_null_switches_its_rule_off(tmp_path: Path) -> None:
    off = dict.fromkeys(("similarity", "bleu", "meteor", "rouge", "digits", "unsafe"))
    counts, rejected = judged(scored(tmp_path, ROWS), tmp_path / "out", **off)
    assert list(rejected) == ["5"]
    assert counts["not_applied"] == [*RULES, "unsafe"]
    assert translation_reasons({"similarity": [0.1], "length": [9.0]}, Thresholds(**off)) == []


def test_few_kept_are_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{**ROWS[0], "back": WORSE}, *({"similarity": [0.9]} for _ in ROWS[1:])]
    assert judged(scored(tmp_path, rows), tmp_path / "out")[0]["kept"] == 0
    said = capsys.readouterr().err
    assert (
        f"select kept 0 of {len(ROWS)} translations: the back-translated sample rejects all translations (bleu: 0.00 below"
        in said
    )
    failing = [rows[0], {"similarity": [0.9]}, *({"failed": ["cut off"]} for _ in range(5))]
    judged(scored(tmp_path / "4", failing), tmp_path / "4" / "out")
    assert "select kept 0 of 2 translations: the back-translated sample rejects all" in capsys.readouterr().err
    judged(scored(tmp_path / "3", [rows[0], *({"similarity": [0.1]} for _ in range(6))]), tmp_path / "3" / "out")
    assert "translations: similarity rejects 6, and the sample was judged over what is left" in capsys.readouterr().err
    judged(scored(tmp_path / "2", [{"similarity": [0.7999]} for _ in ROWS]), tmp_path / "2" / "out")
    assert f"similarity rejects {len(ROWS)}" in capsys.readouterr().err
    rejected = Shards(tmp_path / "2" / "out").rows(part="rejected")
    assert {row["reasons"][0] for row in rejected} == {"similarity: 0.7999 below 0.8 in turn 1"}


def test_spans_are_judged_each_by_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more records than fit in one span, ratings of one span's images apply to that span's records."""
    monkeypatch.setattr("ain.storage.shards.SPAN", 1)
    monkeypatch.setattr("ain.stages.mix.SPAN", 1)
    monkeypatch.setattr("ain.stages.select.SPAN", 1)
    schema = pa.schema([(name, pa.string()) for name in ("id", "sha256", "rating", "category")])
    collect = Shards(tmp_path / "collect").create()
    flagged = Shards(tmp_path / "screen" / "flagged", schema).create()
    for shard in range(3):
        names = [f"{shard}{row}" for row in "ab"]
        collect.write(shard, [{**dict.fromkeys(RECORD.names), "id": name} for name in names])
        unsafe = [{"id": "1b", "sha256": "s", "rating": "Unsafe", "category": "O1"}] if shard == 1 else []
        flagged.write(shard, unsafe)
    mark_done(tmp_path / "screen", {"counts": {"computed": True}})
    nobody = dict.fromkeys(("translate", "verify", "back_translate"))
    counts = select(
        collect.directory, **nobody, screen=tmp_path / "screen", thresholds=Thresholds(**PAPER), out=tmp_path / "out"
    )
    assert [row["id"] for row in Shards(tmp_path / "out").rows(part="rejected")] == ["1b"]
    assert (counts["kept"], len(Shards(tmp_path / "out"))) == (5, 3)


def test_where_each_stands_for_itself_the_unsampled_are_held_back(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"similarity": [0.9]} for _ in ROWS]
    rows[0] |= {"bleu_4": [0.7], "meteor": [0.9], "rouge_l": [0.9]}
    _, rejected = judged(scored(tmp_path, rows), tmp_path / "out", sampled="record")
    assert set(rejected) == {str(i) for i in range(1, len(ROWS))}
    assert rejected["1"][0] == "bleu: not computed, the record was not sampled"


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        ({"similarity": "abc"}, "thresholds.similarity=abc: "),
        ({"similarity": float("nan")}, "thresholds.similarity=nan: "),
        ({"bleu": 60}, "thresholds.bleu=60: "),
        ({"length": [3]}, "thresholds.length="),
        ({"length": [-1, 2]}, "thresholds.length="),
        ({"length": [2, 1]}, "expected the least before the greatest"),
        ({"digits": 0.5}, "thresholds.digits=0.5: "),
        ({"sampled": "some"}, "thresholds.sampled=some: .*corpus or record"),
        ({"max_latin_run": -1}, "thresholds.max_latin_run=-1: "),
        ({"similarty": 0.8}, "thresholds.similarty: there is no such setting; choose among bleu"),
    ],
)
def test_a_wrong_threshold_is_refused_before_it_judges(slip: dict[str, Any], said: str) -> None:
    target = {"_target_": "ain.metrics.rules.Thresholds"}
    assert build(checked("thresholds", {**target, **PAPER})) == Thresholds(**PAPER)
    with pytest.raises(UserError, match=said):
        build(checked("thresholds", {**target, **PAPER, **slip}))


def test_thresholds_are_read_back_from_a_manifest() -> None:
    """This works whether the settings omit nulls and defaults or list them all."""
    settings = {"_target_": "ain.metrics.rules.Thresholds", "similarity": 0.8, "unsafe": True}
    assert Thresholds.of(settings) == Thresholds(similarity=0.8, unsafe=True)
    assert Thresholds.of(vars(Thresholds(**PAPER))) == Thresholds(**PAPER)
    assert Thresholds(max_latin_run=0, digits=False).on() == {"max_latin_run": 0}
