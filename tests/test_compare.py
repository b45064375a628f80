"""`ain compare`: what differs between jobs, and by how much, from what they left on disk."""

import json
from pathlib import Path

from commands import ain
from swept import made_sweep

from ain.pipeline.jobs import write_row


def made(outputs: Path) -> list[str]:
    """Write two jobs of a sweep and return their names."""
    for job in made_sweep(outputs, [["seed=0"], ["seed=1"]], accuracies=[0.2, 0.9]):
        write_row(outputs / "runs" / "sweep-0123456789ab" / job["job"] / "job.json", job)
    return ["000000000000", "000000000001"]


def test_jobs_stand_side_by_side(tmp_path: Path) -> None:
    first, second = made(tmp_path)
    found = json.loads(ain("compare", first, second, "--json", f"output_dir={tmp_path}").stdout)
    assert [job["name"] for job in found["jobs"]] == [first, second]
    assert found["settings"] == [{"setting": "seed", first: 0, second: 1}]
    assert {"stage": "train", "what": "samples", first: 80, second: 79} in found["stages"]
    assert {"stage": "collect", "what": "kept", first: 90, second: 90} in found["stages"]
    assert found["shared"] == [{"stage": "01-collect-0", "jobs": "all"}]
    assert [row["language"] for row in found["differences"]] == ["English", "Arabic"]
    scores = {(row["job"], row["accuracy of"]): row["accuracy"] for row in found["scores"]}
    gap = scores[second, "tuned Arabic"] - scores[first, "tuned Arabic"]
    assert abs(found["differences"][1]["difference"] - gap) <= 0.11
    assert found["differences"][1]["low"] > 0

    shown = ain("compare", "sweep-0123", f"output_dir={tmp_path}")
    assert (shown.returncode, shown.stderr) == (0, "")
    for line in ("Settings that differ", f"Points of accuracy above {first}", "Stages that several of the jobs share"):
        assert line in shown.stdout


def test_one_job_and_unknown_ones_get_a_sentence(tmp_path: Path) -> None:
    first, _ = made(tmp_path)
    alone = ain("compare", first, first, f"output_dir={tmp_path}")
    assert alone.returncode == 1
    assert alone.stderr.startswith(f"ain: compare {first} {first}: that is one job; name two or more")
    unknown = ain("compare", first, "nobody", f"output_dir={tmp_path}")
    assert "nobody: no such job, sweep or experiment" in unknown.stderr
