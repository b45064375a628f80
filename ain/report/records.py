"""Write a record's page: images, turns, the result of every stage, and why it was kept or rejected, rule by rule."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from ain.metrics.rules import RULES, SAMPLED, Thresholds, explained
from ain.report import figures
from ain.report.render import render
from ain.report.section import categories, named
from ain.storage.images import ImageStore, Reference, png
from ain.storage.manifest import MARKER, read_manifest
from ain.storage.record import Row, images_of, reference
from ain.storage.shards import Shards
from ain.text.languages import language

KEPT, OF_A_RULE = 6, 4  # number of examples: kept records, and rejected ones per rule

Directories = dict[str, Path]


def examples(directories: Directories, where: Path, asked: Sequence[str] = ()) -> dict[str, Any]:
    """Write the pages. Return `translations`: a few records, kept ones first; `by_rule`: rule → rejected records."""
    reasons = _reasons(directories, asked)
    kept = _some_kept(directories)
    by_rule = _by_rule(reasons)
    wanted = [*kept, *(name for names in by_rule.values() for name in names), *asked]
    records = {row["id"]: row for row in _gathered(directories, set(wanted), reasons)}
    for number, row in enumerate(records.values()):
        row["page"] = f"records/{number:03d}.html"
        render(where / "records", "record", {"record": row}, f"{number:03d}", ("html",))
    shown = [records[name] for name in dict.fromkeys(wanted) if name in records]
    rejected = {rule: [records[name] for name in names if name in records] for rule, names in by_rule.items()}
    return {"translations": [row for row in shown if row["translation"]][:16], "by_rule": rejected}


def judged(data: Path, name: str) -> dict[str, Any] | None:
    """Return everything that is known about one record, as for its page, by the newest select that judged it, which
    `directory` names; None if no finished select knows it."""
    for select in newest(data, "select"):
        follows = read_manifest(select)["follows"]
        directories = {stage: data / above for stage, above in follows.items() if above} | {"select": select}
        if found := _gathered(directories, {name}, _reasons(directories, [name])):
            return {**found[0], "directory": select}
    return None


def refused(data: Path, name: str) -> tuple[Path, list[str]] | None:
    """Return (directory, reasons) of the newest collect that rejected the record; None if none did."""
    for collect in newest(data, "collect"):
        for row in Shards(collect).rows(["id", "reasons"], "rejected"):
            if row["id"] == name:
                return collect, row["reasons"]
    return None


def newest(data: Path, stage: str) -> list[Path]:
    """Return the finished directories of a stage, the last finished first."""
    manifests = {path.parent: read_manifest(path.parent) for path in data.glob(f"*/{MARKER}")}
    of_stage = [directory for directory, manifest in manifests.items() if manifest["stage"] == stage]
    return sorted(of_stage, key=lambda directory: (directory / MARKER).stat().st_mtime, reverse=True)


def _reasons(directories: Directories, asked: Sequence[str]) -> dict[str, list[str]]:
    """Return id → reasons, for about a hundred rejected records per rule and for all requested ones."""
    made: dict[str, list[str]] = {}
    met: dict[str, int] = {}
    for row in Shards(directories["select"]).rows(["id", "reasons"], "rejected"):
        rules = {reason.split(":")[0] for reason in row["reasons"]}
        if row["id"] in asked or any(met.get(rule, 0) < 100 for rule in rules):
            made[row["id"]] = row["reasons"]
        met |= {rule: met.get(rule, 0) + 1 for rule in rules}
    return made


def _some_kept(directories: Directories) -> list[str]:
    names = [row["id"] for row in Shards(directories["select"]).read(0, ["id"])]
    return Random(0).sample(names, min(KEPT, len(names)))


def _by_rule(reasons: dict[str, list[str]]) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for name, of in Random(0).sample(sorted(reasons.items()), len(reasons)):
        for rule in dict.fromkeys(reason.split(":")[0] for reason in of):
            if len(made.setdefault(rule, [])) < OF_A_RULE:
                made[rule].append(name)
    return made


def _gathered(directories: Directories, wanted: set[str], reasons: dict[str, list[str]]) -> list[Row]:
    """Return everything known about these records, in the order in which they were collected."""
    store = ImageStore(directories["collect"])
    verdicts = _verdicts(directories, wanted)
    people = {row["id"]: row for row in Shards(directories["select"] / "overrides").rows()}
    places = store.find(verdicts)
    manifest = read_manifest(directories["select"])
    thresholds = Thresholds.of(manifest["settings"]["thresholds"] | manifest["counts"].get("calibrated", {}))
    sample = manifest["counts"].get("sample")
    screen = read_manifest(directories["screen"])
    screened, names = screen["counts"]["computed"], categories([screen])
    made = []
    for index in range(len(Shards(directories["collect"]))):
        here = wanted & {row["id"] for row in Shards(directories["collect"]).read(index, ["id"])}
        if not here:
            continue
        of = {stage: _rows(directories, stage, index) for stage in ("collect", "translate", "verify", "back_translate")}
        candidates = (
            Shards(directories["translate"]).by_id(index, part="rejected") if "translate" in directories else {}
        )
        for name in [name for name in of["collect"] if name in here]:
            record, translated = of["collect"][name], of["translate"].get(name) or candidates.get(name, {})
            scores, back = of["verify"].get(name, {}), of["back_translate"].get(name, {})
            images = [_image(store, places[sha], verdicts[sha], screened, names) for sha in images_of(record)]
            made.append(
                {
                    **{key: record[key] for key in ("id", "source", "domain", "origin", "turns")},
                    "language": language(record["language"]),
                    **_translation(record, translated),
                    "back": back.get("turns"),
                    "scores": {"similarity": None, **scores, **back},
                    "images": images,
                    "reasons": [named(reason, names) for reason in reasons.get(name, [])],
                    "person": people.get(name),
                    "rules": [
                        *_rules(
                            {**scores, **back}, thresholds, sample, bool(of["translate"].get(name, {}).get("turns"))
                        ),
                        _of_images(images, bool(thresholds.unsafe) and screened),
                    ],
                    "worst": _worst(scores),
                }
            )
    return made


def _translation(record: Row, translated: Row) -> Row:
    """Return the translated turns and the trusted ones, or None for each if the record was not translated."""
    turns = translated.get("turns")
    return {
        "translation": turns,
        "target": language(translated["language"]) if turns else None,
        "reference": reference(record, translated["language"]) if turns else None,
        "corrupted": translated.get("corrupted"),
    }


def _verdicts(directories: Directories, wanted: set[str]) -> dict[str, Row]:
    """Return sha256 → the screener's verdict, for the images of these records."""
    rows = Shards(directories["collect"]).rows(["id", "media"])
    shown = {sha for row in rows if row["id"] in wanted for sha in images_of(row)}
    columns = ["sha256", "rating", "category", "rationale", "fault"]
    return {row["sha256"]: row for row in Shards(directories["screen"]).rows(columns) if row["sha256"] in shown}


def _rows(directories: Directories, stage: str, index: int) -> dict[str, Row]:
    if stage not in directories:
        return {}
    return Shards(directories[stage], suffix="arrow" if stage in ("verify", "back_translate") else "parquet").by_id(
        index
    )


def _image(store: ImageStore, place: Reference, verdict: Row, screened: bool, names: dict[str, str]) -> Row:
    """Return the verdict with its category's name, a thumbnail and the image's place. If images were screened, all but
    safe ones are blurred."""
    image = store.image(place)
    image.thumbnail((224, 224))
    clear = verdict["rating"] == "Safe" or not screened
    return {
        **verdict,
        "category": names.get(verdict["category"]),
        "store": store,
        "place": place,
        "data": figures.inline(png(image if clear else figures.blurred(image))),
    }


def _rules(scores: Row, thresholds: Thresholds, sample: dict[str, Any] | None, translated: bool) -> list[Row]:
    made = []
    for name, rule in RULES.items():
        if name in SAMPLED and thresholds.sampled != "record" and not sample:
            made.append(explained(rule, None, getattr(thresholds, name), translated=False))
        elif name in SAMPLED and sample and thresholds.sampled != "record" and translated:
            row = explained(rule, [sample[rule.column]], getattr(thresholds, name))
            made.append({**row, "turn": None, "note": f"over the {sample['sampled']} records of the sample"})
        else:
            made.append(explained(rule, scores.get(rule.column), getattr(thresholds, name), translated))
    return made


def _of_images(images: list[Row], applied: bool) -> Row:
    bad = [image["rating"] or "no verdict" for image in images if image["rating"] != "Safe"]
    made = {"rule": "unsafe", "limit": "at most 0" if applied else "", "value": None, "turn": None}
    if not applied or not images:
        return {**made, "verdict": "not judged", "note": "does not apply" if applied else "off"}
    return {**made, "value": float(len(bad)), "verdict": "broken" if bad else "passed", "note": ", ".join(bad)}


def _worst(scores: Row) -> int:
    """Return the index of the turn that is least similar to its original."""
    similarity = scores.get("similarity") or [0.0]
    return min(range(len(similarity)), key=lambda i: similarity[i])
