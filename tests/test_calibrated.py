"""A calibrated threshold follows the probe of the same verifier, is said, and is refused where it has no basis."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from commands import ain
from conftest import PICO
from test_fingerprint import TUNED, changed

from ain import UserError
from ain.storage.manifest import read_manifest
from ain.storage.shards import Shards
from ain.storage.tables import read_table
from ain.verifier.probing import calibrated

CALIBRATED = ("thresholds.similarity=calibrated", "probe.good=30", "probe.poor=14", "probe.false_rejection=0.1")


def test_select_takes_the_threshold_of_its_verifiers_probe(trained: Path) -> None:
    result = ain("select", *PICO, *CALIBRATED, f"output_dir={trained}")
    assert result.returncode == 0, result.stderr
    select = Path(result.stdout.strip())
    manifest = read_manifest(select)
    found = manifest["counts"]["calibrated"]
    assert manifest["settings"]["thresholds"]["similarity"] == "calibrated"
    tried = read_table(trained / "data" / manifest["follows"]["probe"] / "tables" / "tried.csv")
    good = np.array([row["similarity"] for row in tried if row["kind"] == "good"])
    assert (found["false_rejection"], found["references"]) == (0.1, 30)
    assert (good < found["similarity"]).mean() <= 0.1 < (good < found["similarity"] + 0.0002).mean() + 1 / 30
    rejected = list(Shards(select).rows(part="rejected"))
    assert any(re.search(rf"similarity: .* below {found['similarity']} in turn", row["reasons"][0]) for row in rejected)
    assert json.loads((select / "metrics.json").read_text())["calibrated/similarity"] == found["similarity"]
    shown = ain("show", rejected[0]["id"], f"output_dir={trained}")
    assert re.search(rf"similarity +at least {found['similarity']} ", shown.stdout), shown.stdout


def test_it_shapes_what_follows() -> None:
    follows = {"select", "mix", "tokenize", "train", *TUNED}
    assert changed("probe.false_rejection=0.05") == {"probe"}
    assert changed("probe.false_rejection=0.05", base=("thresholds.similarity=calibrated",)) == {"probe", *follows}
    assert changed("thresholds.similarity=calibrated") == follows


def test_data_without_references_are_refused_before_they_are_translated(trained: Path, tmp_path: Path) -> None:
    turns = [{"from": "human", "value": "What number is written?"}, {"from": "gpt", "value": "47"}]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "data.json").write_text(json.dumps([{"id": "a", "conversations": turns}]))
    words = [word for word in PICO if not word.startswith(("source", "benchmark"))]
    mine = ("source=folder", f"source.path={tmp_path / 'mine'}", "allow_toys=true", "benchmark=held_out")
    for verb in ("tokenize", "run"):
        result = ain(verb, *words, *mine, *CALIBRATED, f"output_dir={trained}")
        assert result.returncode == 1
        assert "calibrated: no record has a reference in ar to calibrate by; give rows" in result.stderr
        assert "Traceback" not in result.stderr
        assert not list((trained / "data").glob("*-translate-*"))
    planned = ain("select", *words, *mine, *CALIBRATED, f"output_dir={trained}", "dry_run=true")
    assert "select cannot run here: thresholds.similarity=calibrated: no record" in planned.stderr


def test_a_verifier_that_is_unavailable_is_one_sentence(trained: Path) -> None:
    words = [word for word in PICO if not word.startswith("verifier")]
    result = ain("select", *words, *CALIBRATED, "verifier=labse", f"output_dir={trained}")
    assert result.returncode == 1
    assert "sentence-transformers/LaBSE: cannot be fetched" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list((trained / "data").glob("*-translate-*"))


@pytest.mark.parametrize(
    ("references", "share", "said"),
    [
        (20, 0.02, r"found 20 references, and probe.false_rejection=0.02 needs 50 of them; set it to at least 0.05"),
        (20, 0.0, r"probe.false_rejection=0 has no basis in a sample; set it to at least 0.05"),
    ],
)
def test_too_few_references_show_no_share(references: int, share: float, said: str) -> None:
    counts = {"references": references, "false_rejection": share, "target": "ar", "threshold_needed": 0.7}
    with pytest.raises(UserError, match=said):
        calibrated(counts)
    assert calibrated(counts | {"false_rejection": 0.05})["similarity"] == 0.7
