"""A person's verdicts on single records: read as people write them, applied by select, drawn by mix, shown and exported."""

import codecs
import csv
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from asking import Serve, good, words
from commands import ain
from openai_answers import arabic
from openpyxl import Workbook
from test_fingerprint import TUNED, changed, prints

from ain import UserError
from ain.back_translation.quality import COLUMNS
from ain.metrics.rules import Thresholds
from ain.report.records import examples
from ain.review.overrides import Overrides, texts
from ain.runtime.paths import ROOT
from ain.stages.select import again, check, said, select
from ain.stages.translate import REFUSED as UNTRANSLATED
from ain.stages.translate import SCHEMA as TRANSLATED
from ain.storage.listing import mark_done
from ain.storage.manifest import read_manifest
from ain.storage.record import RECORD, SCORES, TURNS
from ain.storage.shards import Shards

HEAD = "id,verdict,turn,question,answer,note\n"
QUESTION, ANSWER = "<image>What is in the middle?", "A red cat."
MADE = {"question": "<image>ماذا في الوسط؟", "answer": "قطة حمراء."}


def written(path: Path, text: str) -> Overrides:
    path.write_text(text, encoding="utf-8")
    return Overrides(str(path))


def stages(root: Path) -> dict[str, Any]:
    """Write six records: kept, dissimilar, cut off with nothing left, changed number, in Arabic, with an unsafe image."""
    names = ["good", "dissimilar", "cut", "number", "arabic", "unsafe"]
    blank = dict.fromkeys(RECORD.names)
    turns = [{"question": QUESTION, "answer": ANSWER}]
    Shards(root / "collect").create().write(0, [{**blank, "id": name, "turns": turns} for name in names])
    kept = [{"id": name, "language": "ar", "turns": [MADE]} for name in ("good", "dissimilar", "unsafe")]
    refused = [
        {"id": "cut", "reasons": ["cut off"], "language": "ar", "turns": None},
        {"id": "number", "reasons": ["number changed: 3"], "language": "ar", "turns": [MADE]},
    ]
    translate = Shards(root / "translate", TRANSLATED, UNTRANSLATED).create()
    translate.write(0, [kept[0], kept[1], {"id": "arabic"}, kept[2]], refused)
    scores = {"good": [0.9], "dissimilar": [0.1], "arabic": None, "unsafe": [0.1]}
    verify = Shards(root / "verify", pa.schema([("id", pa.string()), ("similarity", SCORES)]), suffix="arrow")
    verify.create().write(0, [{"id": name, "similarity": similarity} for name, similarity in scores.items()])
    flagged = pa.schema([(name, pa.string()) for name in ("id", "sha256", "rating", "category")])
    bad = {"id": "unsafe", "sha256": "s", "rating": "Unsafe", "category": "O6"}
    Shards(root / "screen" / "flagged", flagged).create().write(0, [bad])
    mark_done(root / "translate", {"counts": {"rejected": 2}})
    mark_done(root / "screen", {"counts": {"computed": True}})
    return {name: root / name for name in ("collect", "translate", "verify", "screen")} | {"back_translate": None}


def judged(root: Path, overrides: Overrides | None) -> tuple[dict[str, Any], dict[str, list[str]], dict[str, bool]]:
    counts = select(
        **stages(root), thresholds=Thresholds(similarity=0.8, unsafe=True), out=root / "out", overrides=overrides
    )
    rows = list(Shards(root / "out").rows(part="rejected"))
    return counts, {row["id"]: row["reasons"] for row in rows}, {row["id"]: row["original_usable"] for row in rows}


def test_verdicts_come_before_the_rules_on_translations(tmp_path: Path) -> None:
    """Every rejection keeps all its reasons; an unsafe image stays; a rejected translation leaves its original usable."""
    file = tmp_path / "verdicts.csv"
    rows = [
        "good,reject,,,,too literal",
        "dissimilar,ACCEPT,,,,",
        "cut,correct,١,<image>ما الموجود في الوسط؟,قطة حمراء.,",
        "number,accept,,,,",
        "arabic,reject,,,,",
        "unsafe,accept,,,,",
        "nobody-looked,,,,,",
    ]
    _, without, _ = judged(tmp_path / "without", None)
    counts, rejected, usable = judged(tmp_path, written(file, HEAD + "\n".join(rows)))
    assert set(without) == {"dissimilar", "cut", "number", "unsafe"}
    assert rejected == {
        "good": ["rejected by a person: too literal"],
        "arabic": ["rejected by a person"],
        "unsafe": ["unsafe: O6"],
    }
    assert usable == {"good": True, "arabic": False, "unsafe": False}
    assert counts["overrides"] == {"accept": 3, "reject": 2, "correct": 1, "unsafe": 1}
    assert counts["by_rule"] == {"rejected by a person": 2, "unsafe": 1}
    assert "accepted 3, rejected 2 and corrected 1 records; 1 of" in said(counts)
    corrected = {name: row["turns"][0]["question"] for name, row in texts(tmp_path / "out").items()}
    assert corrected == {"cut": "<image>ما الموجود في الوسط؟", "number": MADE["question"]}
    assert dict(again(tmp_path / "out")) == {"good": ["rejected by a person: too literal"]}
    assert dict(again(tmp_path / "without" / "out")).keys() == {"dissimilar", "cut", "number"}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("good,maybe,,,,", "row 2: verdict maybe: choose accept, reject or correct"),
        ("good,accept,,,,\ngood,reject,,,,", "row 3: good has a verdict in .*row 2 already"),
        ("good,correct,1,,أ,\ngood,correct,1,,ب,", "row 3: good has a verdict in .*row 2 already"),
        ("good,correct,,,,", "row 2: correct needs a question or an answer"),
        ("good,correct,zero,,أ,", "row 2: turn zero: expected a whole number from 1"),
        ("good,correct,2,,قطة.,", "row 2: turn 2: good has 1"),
        ("good,correct,1,ما هذا؟,,", "row 2: good: expected <image> in the questions, in this order"),
        ("cut,correct,1,,قطة حمراء.,", "row 2: cut: no question in turn 1"),
        ("cut,accept,,,,", r"row 2: cut has no whole translation to accept \(no question in turn 1\); correct it"),
        ("arabic,correct,1,,قطة.,", "row 2: arabic is not translated by this job"),
        (",accept,,,,", "row 2: the id is empty"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, said: str) -> None:
    """It is so before any work, where the records are known."""
    overrides, inputs = written(tmp_path / "verdicts.csv", HEAD + row), stages(tmp_path)
    others = dict.fromkeys(("source", "translator", "thresholds", "back_translation", "screener"))
    with pytest.raises(UserError, match=said):
        check(inputs["collect"], inputs["translate"], **others, overrides=overrides)  # type: ignore[arg-type]


def test_one_turn_is_corrected_and_the_others_stay(tmp_path: Path) -> None:
    inputs, two = (
        stages(tmp_path),
        [{"question": QUESTION, "answer": ANSWER}, {"question": "Is it big?", "answer": "No."}],
    )
    made = [MADE, {"question": "هل هو كبير؟", "answer": "لا."}]
    Shards(inputs["collect"]).write(0, [{**dict.fromkeys(RECORD.names), "id": "good", "turns": two}])
    Shards(inputs["translate"], TRANSLATED, UNTRANSLATED).write(0, [{"id": "good", "language": "ar", "turns": made}])

    def settled(text: str) -> Any:
        return written(tmp_path / "verdicts.csv", HEAD + text).settled(inputs["collect"], inputs["translate"])[0][
            "turns"
        ]

    assert settled("good,correct,2,هل هي كبيرة؟,,") == [MADE, {"question": "هل هي كبيرة؟", "answer": "لا."}]
    both = [{**MADE, "answer": "قطّة."}, {"question": "هل هي كبيرة؟", "answer": "لا."}]
    assert settled("good,correct,2,هل هي كبيرة؟,,\ngood,correct,1,,قطّة.,") == both
    with pytest.raises(UserError, match="row 2: good has 2 turns; write into `turn` which one is corrected"):
        settled("good,correct,,,قطّة.,")
    (tmp_path / "all.jsonl").write_text(json.dumps({"id": "good", "verdict": "correct", "turns": both[:1]}))
    with pytest.raises(UserError, match="row 1: 1 turns for the 2 of good"):
        Overrides(str(tmp_path / "all.jsonl")).settled(inputs["collect"], inputs["translate"])


def test_the_sample_is_judged_over_what_people_kept(tmp_path: Path) -> None:
    """An accepted translation is in it, one that a person rejected or replaced is not; what was accepted is kept, whatever
    the sample says."""
    inputs = stages(tmp_path)
    schema = pa.schema([("id", pa.string()), ("turns", TURNS), *((name, SCORES) for name in COLUMNS)])
    turns = {"good": [{"question": QUESTION, "answer": ANSWER}], "dissimilar": [{"question": "Who?", "answer": "Me."}]}
    scores = {"good": [0.9], "dissimilar": [0.1]}
    back = [{"id": name, "turns": turns[name], **dict.fromkeys(COLUMNS, scores[name])} for name in turns]
    rest = [{"id": name} for name in ("arabic", "unsafe")]
    Shards(tmp_path / "back_translate", schema, suffix="arrow").create().write(0, back + rest)
    mark_done(tmp_path / "back_translate", {"counts": {"language": "en"}})
    inputs["back_translate"] = tmp_path / "back_translate"

    def rejected(row: str) -> dict[str, list[str]]:
        overrides = written(tmp_path / "verdicts.csv", HEAD + row)
        thresholds = Thresholds(similarity=0.05, meteor=0.8)
        select(**inputs, thresholds=thresholds, out=tmp_path / "out", overrides=overrides)
        return {row["id"]: row["reasons"] for row in Shards(tmp_path / "out").rows(part="rejected")}

    low = "meteor: 0.50 below 0.8 over 2 records translated back"
    assert rejected("dissimilar,accept,,,,")["good"] == [low]
    assert "dissimilar" not in rejected("dissimilar,accept,,,,")
    assert "good" not in rejected("dissimilar,correct,1,,قطة.,")
    assert rejected("dissimilar,reject,,,,").keys() == {"cut", "number", "dissimilar"}


def test_a_lost_address_is_found(tmp_path: Path) -> None:
    inputs = stages(tmp_path)
    record = {**next(Shards(inputs["collect"]).rows()), "turns": [{"question": QUESTION, "answer": "See `x = 1`."}]}
    Shards(inputs["collect"]).write(0, [record])
    overrides = written(tmp_path / "verdicts.csv", HEAD + "good,correct,1,,انظر.,")
    with pytest.raises(UserError, match=r"row 2: good: lost: `x = 1` \(answer of turn 1\)"):
        overrides.settled(inputs["collect"], inputs["translate"])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"id,note\n1,x\n", "a.csv: no file of verdicts: its first row names no column verdict"),
        ("a.csv", "id,verdict,note\n1,reject,سيئة\n".encode("cp1256"), "a.csv: not in UTF-8"),
        ("a.xlsx", b"no workbook", "a.xlsx: cannot be read"),
        ("a.jsonl", b'{"id": "1"}\n', "a.jsonl, row 1: it has no verdict"),
        ("a.jsonl", b'\n{"id": "1"\n', "a.jsonl, row 2: no JSON"),
        ("a.jsonl", b'["1", "accept"]\n', "a.jsonl, row 1: expected one object a line"),
        ("a.jsonl", b'{"id": "1", "verdict": "correct", "turns": "x"}\n', 'a.jsonl, row 1: expected "turns": '),
        ("a.jsonl", b'{"id": ["1"], "verdict": "accept"}\n', "a.jsonl, row 1: expected text, found "),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said):
        Overrides(str(tmp_path / name)).digest()


def test_every_format_says_the_same(tmp_path: Path) -> None:
    """A workbook has numbers as numbers; a spreadsheet's CSV has a BOM, and semicolons in some countries."""
    rows = [["7", "reject", "", "", "", "سيئة"], ["8", "correct", "2", "", "قطة", ""], ["9", "", "", "", "", ""]]
    for name, delimiter in (("a.csv", ","), ("b.csv", ";")):
        with open(tmp_path / name, "w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([HEAD.strip().split(","), *rows])
    book = Workbook()
    for row in [HEAD.strip().split(","), [7, *rows[0][1:]], [8, "correct", 2, None, "قطة", None], [9]]:
        book.active.append(row)
    book.save(tmp_path / "c.xlsx")
    lines = [
        {"id": "8", "verdict": "correct", "turn": 2, "answer": "قطة"},
        {"id": 7, "verdict": "reject", "note": "سيئة"},
    ]
    data = "\n".join(json.dumps(line) for line in lines).encode()
    (tmp_path / "d.jsonl").write_bytes(codecs.BOM_UTF8 + data)
    digests = {Overrides(str(path)).digest() for path in tmp_path.iterdir()}
    assert len(digests) == 1
    assert written(tmp_path / "e.csv", HEAD + "7,reject,,,,").digest() not in digests


def test_the_content_of_the_file_counts_and_not_its_place(tmp_path: Path) -> None:
    """It reaches select and what follows; without a file, nothing changes."""
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    one.write_text(HEAD + "good,accept,,,,\n")
    other.write_text(HEAD + "good,accept,,,,\nunseen,,,,,\n")
    follows = {"select", "mix", "tokenize", "train", *TUNED}
    assert changed(f"overrides={one}") == follows
    assert prints(f"overrides={one}") == prints(f"overrides={other}")
    other.write_text(HEAD + "good,reject,,,,\n")
    assert prints(f"overrides={one}")["select"] != prints(f"overrides={other}")["select"]
    assert changed("overrides=null", "retry=null") == set()


def test_a_corrected_text_is_trained_on_shown_and_exported(
    vqa: Path, tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The documented way to a sheet of what was rejected works."""
    url, out = serve(), tmp_path / "outputs"
    job = words(
        vqa,
        out,
        url,
        "source.limit=30",
        "verifier.checkpoint='miniature:encoder?steps=3&domains=vqa.ocr.cultural'",
        "allow_toys=true",
        "back_translation=none",
        "screener=none",
        "thresholds=none",
        "thresholds.unsafe=null",
        "thresholds.length=[1.5,2.5]",  # rejects all
        "tracker=disabled",
    )[1:]
    file = tmp_path / "verdicts.jsonl"
    lines = [
        {"id": "0", "verdict": "accept"},
        {"id": "1", "verdict": "correct", "turns": [{"question": "س", "answer": "ج"}], "note": "clumsy"},
        {"id": "nobody", "verdict": "reject"},
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    refused = ain("mix", *job, f"overrides={file}")
    assert refused.returncode != 0
    assert f"{file}, row 3: collect kept no record with the id nobody; correct or remove it" in refused.stderr
    assert not list((out / "data").glob("02-*/manifest.json"))
    collected = {row["id"]: row["turns"] for row in Shards(next((out / "data").glob("01-*"))).rows()}
    file.write_text("\n".join(map(json.dumps, lines[:2])))
    made = ain("mix", *job, f"overrides={file}")
    good(made)
    mix = Path(made.stdout.splitlines()[-1])
    drawn = {row["id"].split("/")[0]: row["turns"] for row in Shards(mix).rows() if row["part"] == "translated"}
    accepted = [{name: arabic(text) for name, text in turn.items()} for turn in collected["0"]]
    assert drawn == {"0": accepted, "1": [{"question": "س", "answer": "ج"}]}
    (select,) = (path.parent for path in (out / "data").glob("06-*/manifest.json"))
    assert read_manifest(select)["counts"]["overrides"] == {"accept": 1, "reject": 0, "correct": 1, "unsafe": 0}
    printed = ain("show", "1", f"output_dir={out}").stdout
    assert "Verdict of a person: correct: clumsy" in printed
    assert "corrected            س" in printed
    above = {name: select.parent / path for name, path in read_manifest(select)["follows"].items() if path}
    shown = examples({**above, "select": select}, tmp_path / "report", ["1"])["translations"]
    page = tmp_path / "report" / next(row["page"] for row in shown if row["id"] == "1")
    text = page.read_text()
    assert "Verdict of a person: <b>correct</b>" in text
    assert ">clumsy</bdi>" in text
    assert ">ج</bdi>" in text
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "verification.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.S)
    assert code
    exec(code[1].replace("DIRECTORY", str(select)), {})
    sheet = list(csv.DictReader((tmp_path / "review.csv").open(encoding="utf-8-sig")))
    assert {row["id"] for row in sheet} == {row["id"] for row in Shards(select).rows(part="rejected")}
    assert all(row["translation"] and row["reasons"].startswith("length: ") for row in sheet)
    assert Overrides(str(tmp_path / "review.csv")).rows == {}  # nothing is reviewed yet
    good(ain("export", str(select), "--to", "llava", "--out", str(tmp_path / "out")))
    rows = {row["id"]: row["conversations"] for row in json.loads((tmp_path / "out" / "data.json").read_text())}
    assert [turn["value"] for turn in rows["1"]] == ["س", "ج"]
    assert set(rows) == {"0", "1"}
