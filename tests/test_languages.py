"""Records in any language: languages stated by rows, videos with frame rates, and a run without any Arabic."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_collect import run, turns

from ain import UserError
from ain.engine.local import Local
from ain.metrics import checks
from ain.pipeline.build import build
from ain.pipeline.values import checked
from ain.source.folder import Folder
from ain.source.mixture import Mixture
from ain.stages.mix import mix
from ain.stages.select import REFUSED, SCHEMA
from ain.stages.translate import translate
from ain.stages.verify import verify
from ain.storage.record import reference
from ain.storage.shards import Shards
from ain.text.languages import LANGUAGES, SCRIPTS, guessed, right_to_left, script_ratio
from ain.translator.text_translator import TextTranslator
from ain.verifier.base import PairScorer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mine"
    path.mkdir()
    Image.new("RGB", (60, 40), "blue").save(path / "blue.png")
    Image.new("RGB", (60, 40), "green").save(path / "green.png")
    return path


def collected(folder: Path, rows: list[dict[str, Any]], **settings: Any) -> tuple[Any, list[dict[str, Any]]]:
    (folder / "data.json").write_text(json.dumps(rows), encoding="utf-8")
    _, rejected, kept = run(Folder(str(folder), **settings), folder.parent / "collect")
    return rejected, kept


def test_every_language_has_letters_of_its_script() -> None:
    for language in LANGUAGES.values():
        assert (script_ratio(language.own_name, language.code) or 0) > 0.9, language
        assert script_ratio("47?", language.code) is None
        assert language.script in SCRIPTS
    assert [LANGUAGES[code].direction for code in ("ar", "he", "de")] == ["rtl", "rtl", "ltr"]
    assert right_to_left("ما هذا؟ ABC")
    assert not right_to_left("Was ist das? أ")
    assert (guessed("ما هذا؟"), guessed("Was ist das?"), guessed("47")) == ("ar", "en", "en")


def test_a_check_asks_for_the_language_translated_into() -> None:
    german = "Was ist auf diesem Bild zu sehen? Eine Katze liegt auf dem Tisch."
    assert checks.script_ratio(german, "de") == 1
    assert checks.script_ratio(german, "ar") == 0
    assert (checks.language(german, "de") or 0) > 0.9
    assert (checks.language(german, "nl") or 0) < 0.1


def test_a_row_says_its_language_before_the_source_and_the_script_do(folder: Path) -> None:
    rows = [
        {"id": "own", "language": "nl", "conversations": turns("Wat is dit?", "Een kat.")},
        {"id": "chosen", "conversations": turns("Was ist das?", "Eine Katze.")},
        {"id": "unknown", "language": "xx", "conversations": turns("What?", "It.")},
    ]
    rejected, kept = collected(folder, rows, language="de")
    assert {row["id"]: row["language"] for row in kept} == {"own": "nl", "chosen": "de"}
    assert rejected == {"unknown": ["unknown language: xx"]}


def test_videos_keep_their_frame_rate(folder: Path) -> None:
    frames = ["blue.png", "green.png"]
    spoken = turns("<video>\nAnd <image>?", "It.")
    rows = [
        {"id": "one", "videos": [frames], "fps": 2, "image": "green.png", "conversations": spoken},
        {"id": "unknown", "videos": [frames], "image": "blue.png", "conversations": spoken},
        {
            "id": "each",
            "videos": [frames, frames],
            "fps": [1.5, None],
            "conversations": turns("<video><video>?", "It."),
        },
        {"id": "wrong", "videos": [frames], "fps": 0, "image": "blue.png", "conversations": spoken},
        {"id": "many", "videos": [frames], "fps": [1, 2], "image": "blue.png", "conversations": spoken},
    ]
    rejected, kept = collected(folder, rows)
    media = {row["id"]: [(m["kind"], len(m["images"]), m["fps"]) for m in row["media"]] for row in kept}
    assert media == {
        "one": [("video", 2, 2.0), ("image", 1, None)],
        "unknown": [("video", 2, None), ("image", 1, None)],
        "each": [("video", 2, 1.5), ("video", 2, None)],
    }
    assert all(
        rejected[name] == ["fps: expected a number above 0, or one for each video"] for name in ("wrong", "many")
    )


def test_references_in_several_languages(folder: Path) -> None:
    given = turns("What is it?", "A cat.")
    german, arabic = turns("Was ist das?", "Eine Katze."), turns("ما هذا؟", "قطة")
    rows = [
        {"id": "both", "conversations": given, "references": {"de": german, "ar": arabic}},
        {"id": "short", "conversations": given * 2, "references": {"de": german}},
        {"id": "strange", "conversations": given, "references": {"xx": german}},
        {"id": "list", "conversations": given, "references": german},
    ]
    rejected, (both,) = collected(folder, rows)
    assert reference(both, "de") == [{"question": "Was ist das?", "answer": "Eine Katze."}]
    assert reference(both, "fr") is None
    assert rejected["short"] == ["reference in de: 1 turns for 2"]
    assert rejected["strange"] == ["references: unknown language: xx"]
    assert rejected["list"][0].startswith("references: expected")


class IntoGerman(TextTranslator):
    target = "de"

    def translate(self, texts: list[str]) -> list[str | None]:
        return [f"{text} auf Deutsch" for text in texts]


class Length(PairScorer):
    def score(self, pairs: list[tuple[str, str]]) -> np.ndarray:
        return np.array([len(one) / len(other) for one, other in pairs], np.float32)


def test_a_mixture_of_a_language_that_is_translated_into_and_was_collected(folder: Path, tmp_path: Path) -> None:
    rows = [
        {"id": "a", "conversations": turns("What is it?", "A cat.")},
        {"id": "b", "language": "de", "conversations": turns("Was ist das?", "Eine Katze.")},
        {"id": "c", "language": "fr", "conversations": turns("Qu'est-ce que c'est ?", "Un chat.")},
    ]
    collected(folder, rows)
    paths = {name: tmp_path / name for name in ("collect", "translate", "select")}
    counts = translate(paths["collect"], IntoGerman(), Local(), paths["translate"])
    assert (counts["target"], counts["already_in_target"]) == ("de", 1)
    verify(paths["collect"], paths["translate"], Length(), Local(), tmp_path / "verify")
    scores = Shards(tmp_path / "verify", suffix="arrow").by_id(0)
    assert scores["a"]["min_script_ratio"] == [1.0]
    assert scores["a"]["max_latin_run"] == [None]
    assert scores["b"]["similarity"] is None
    Shards(paths["select"], SCHEMA, REFUSED).create().write(0, [{"id": name} for name in "abc"])
    parts = {"translated": {"language": "de", "translate": True}, "own": {"language": "de", "translate": False}}
    mix(dict.fromkeys(parts, paths), Mixture(parts, validation=0.0, images="shown"), 0, tmp_path / "mix")  # type: ignore[arg-type]
    made = [(row["id"], row["language"], row["turns"][0]["answer"]) for row in Shards(tmp_path / "mix").rows()]
    assert made == [
        ("a/translated/0", "de", "A cat. auf Deutsch"),
        ("c/translated/0", "de", "Un chat. auf Deutsch"),
        ("b/own/0", "de", "Eine Katze."),
    ]

    parts = {"translated": {"language": "fr", "translate": True}}
    with pytest.raises(UserError, match=r"were translated into de; set translator\.target=fr"):
        mix({"translated": paths}, Mixture(parts, validation=0.0, images="shown"), 0, tmp_path / "none")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("group", "target", "values", "said"),
    [
        ("source", "folder.Folder", {"path": ".", "language": "xx"}, "source.language=xx: choose one of ar.*auto"),
        (
            "source",
            "folder.Folder",
            {"path": ".", "format": "xml"},
            "source.format=xml: .*auto, llava or messages",
        ),
        ("source", "folder.Folder", {"path": ".", "limit": 0}, "source.limit=0: "),
        ("source", "hub.Hub", {"path": ".", "columns": {"picture": "x"}}, "source.columns"),
        ("source", "miniature.MiniatureSource", {"scenes": -5}, "source.scenes=-5: "),
        ("source", "miniature.MiniatureSource", {"unsafe": 2.0}, "source.unsafe=2.0: "),
        ("mixture", "mixture.Mixture", {"parts": {}, "validation": 0.1, "images": "shown"}, "mixture.parts"),
        ("mixture", "mixture.Mixture", {"images": "grey"}, "mixture.images=grey: .*shown or blank"),
        ("mixture", "mixture.Mixture", {"validation": 1}, "mixture.validation=1: "),
        (
            "mixture",
            "mixture.Mixture",
            {"parts": {"x": {"language": "xx", "translate": True}}},
            "parts.x.language=xx: ",
        ),
        ("mixture", "mixture.Mixture", {"parts": {"x": {"langage": "ar", "translate": True}}}, "parts.x"),
        (
            "mixture",
            "mixture.Mixture",
            {"parts": {"x": {"language": "ar", "translate": True, "weight": -1}}},
            "weight=-1",
        ),
        (
            "verifier",
            "sentence_encoder.SentenceEncoder",
            {"checkpoint": "x", "backend": "tpu"},
            "verifier.backend=tpu: ",
        ),
        ("verifier", "sentence_encoder.SentenceEncoder", {"checkpoint": "x", "batch_size": 0}, "batch_size=0: "),
        ("verifier", "cometkiwi.CometKiwi", {"checkpoint": "x", "batch_size": 0}, "verifier.batch_size=0: "),
    ],
)
def test_wrong_values_are_refused_by_their_keys(group: str, target: str, values: dict[str, Any], said: str) -> None:
    package = "source" if group == "mixture" else group
    with pytest.raises(UserError, match=said):
        build(checked(group, {"_target_": f"ain.{package}.{target}", **values}))
