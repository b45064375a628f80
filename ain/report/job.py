"""Report: one page that shows what a run did, from what its stages left on disk: `index.html`, self-contained, and `index.md`."""

import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from ain.metrics.rules import RULES, Thresholds, translation_reasons
from ain.report import figures
from ain.report.records import examples
from ain.report.render import render
from ain.report.training import training
from ain.storage.files import replace_bytes
from ain.storage.manifest import read_manifest
from ain.storage.record import reference
from ain.storage.shards import Shards
from ain.storage.tables import Table, read_table, write_table
from ain.text.languages import language


def report(
    job: dict[str, Any], directories: dict[str, Path], where: Path, asked: Sequence[str] = ()
) -> dict[str, float]:
    """Writes the page, and one for each example and each record that is asked for by its id. Returns the headline: accuracy
    of base and tuned model in each language, in percent.
    """
    for name in ("tables", "figures", "records"):
        shutil.rmtree(where / name, ignore_errors=True)
    manifests = {stage: read_manifest(directory) for stage, directory in directories.items()}
    accuracy = _accuracy(directories)
    page: dict[str, Any] = {
        "job": job,
        "headline": headline(accuracy),
        "stages": _stages(manifests),
        "asking": _asking(manifests),
        "rejections": _rejections(directories),
        **examples(directories, where, asked),
        "rules": _table(directories, "select", "rules"),
        "rules_together": _table(directories, "select", "rules_together"),
        "corrupted": corrupted(directories),
        "probes": _table(directories, "probe", "pairs"),
        "kinds": _table(directories, "probe", "kinds"),
        "probe": next(iter(_table(directories, "probe", "summary")), {}),
        "quality": _table(directories, "back_translate", "quality"),
        "sampled": manifests.get("back_translate", {}).get("counts", {}).get("sampled"),
        "safety": _table(directories, "screen", "safety"),
        "gallery": _gallery(directories),
        "mixture": read_table(directories["mix"] / "tables" / "mixture.csv"),
        "training": training(directories["train"], where / "figures" / "loss.png"),
        "accuracy": accuracy,
        "answers": _answers(directories),
        "figures": _figures(directories, accuracy, where / "figures"),
    }
    if page["corrupted"]:
        write_table(where / "tables" / "corrupted.csv", page["corrupted"])
    render(where, "job", page)
    return page["headline"]  # type: ignore[no-any-return]


def _table(directories: dict[str, Path], stage: str, name: str) -> Table:
    path = directories[stage] / "tables" / f"{name}.csv" if stage in directories else None
    return read_table(path) if path and path.exists() else []


def _gallery(directories: dict[str, Path]) -> Table:
    """Thumbnails as data; what is not known to be safe was blurred when they were made."""
    rows = _table(directories, "screen", "gallery")
    return [
        {**row, "thumbnail": figures.inline((directories["screen"] / row["thumbnail"]).read_bytes())} for row in rows
    ]


def headline(accuracy: Table) -> dict[str, float]:
    """`base en`, `tuned ar`, `tuned ar shuffled` ... → percent."""
    return {
        " ".join([row["model"], row["language"], *([] if row["images"] == "shown" else [row["images"]])]): row[
            "accuracy"
        ]
        for row in accuracy
        if row["domain"] == "all"
    }


def _stages(manifests: dict[str, dict[str, Any]]) -> Table:
    return [
        {"stage": name, "seconds": m["seconds"], **{key: m["counts"].get(key) for key in ("input", "kept", "rejected")}}
        for name, m in manifests.items()
    ]


def _asking(manifests: dict[str, dict[str, Any]]) -> str | None:
    """What a chat model's translations took, beside asking for each record by itself."""
    counts = manifests.get("translate", {}).get("counts", {})
    if "naive_requests" not in counts:
        return None
    money = (
        f" It cost ${counts['usd']:.4f}, estimated {counts['estimated_usd']:.4f}." if "estimated_usd" in counts else ""
    )
    return (
        f"Translating took {counts['requests']:,} requests with {counts['prompt_tokens']:,} tokens; record by record it would "
        f"have been {counts['naive_requests']:,} with about {counts['naive_prompt_tokens']:,}.{money}"
    )


def _rejections(directories: dict[str, Path]) -> Table:
    """Stage, reason in short, how many records it is among the reasons of."""
    table = []
    for stage, directory in directories.items():
        if stage.split(" ")[0] in ("collect", "translate", "select", "mix", "tokenize"):
            shards = Shards(directory, suffix="arrow" if stage == "tokenize" else "parquet")
            counts = Counter(
                short
                for row in shards.rows(["reasons"], "rejected")
                for short in {_short(reason) for reason in row["reasons"]}
            )
            table += [{"stage": stage, "reason": reason, "records": count} for reason, count in counts.most_common(12)]
    return table


def _short(reason: str) -> str:
    """The rule without its numbers; what a translation or an image was refused for stays."""
    head, _, rest = reason.partition(":")
    return f"{head}: {rest.split('(')[0].strip()}" if head in ("unsafe", "translation") else head.split(" (")[0]


def corrupted(directories: dict[str, Path]) -> Table:
    """By kind of corruption, how many of the corrupted translations each rule caught; and how many of the good it rejected.

    Good is what equals its reference. `encoder` counts by similarity alone, `checks` by the others alone.
    """
    if "verify" not in directories or "select" not in directories:
        return []
    thresholds = Thresholds.of(read_manifest(directories["select"])["settings"]["thresholds"])
    table: dict[str, Counter[str]] = {}
    for index in range(len(Shards(directories["translate"]))):
        references = Shards(directories["collect"]).by_id(index, ["references"])
        scores = Shards(directories["verify"], suffix="arrow").by_id(index)
        for row in Shards(directories["translate"]).read(index):
            trusted = reference(references[row["id"]], row["language"]) if row["turns"] else None
            if not trusted:
                continue
            kind = row["corrupted"] or ("none (good)" if row["turns"] == trusted else "none (mistranslated)")
            rules = {reason.split(":")[0] for reason in translation_reasons(scores[row["id"]], thresholds)}
            counts = table.setdefault(kind, Counter())
            counts.update(rules)
            counts.update(
                {
                    "records": 1,
                    "caught": bool(rules),
                    "encoder": "similarity" in rules,
                    "checks": bool(rules - {"similarity"}),
                }
            )
    fired = [rule for rule in RULES if any(counts[rule] for counts in table.values())]
    columns = ("caught", "encoder", "checks", *fired)
    return [
        {
            "kind": kind,
            "records": counts["records"],
            **{name: round(100 * counts[name] / counts["records"], 1) for name in columns},
        }
        for kind, counts in sorted(table.items())
    ]


def _accuracy(directories: dict[str, Path]) -> Table:
    models = {"base": "evaluate_base", "tuned": "evaluate"}
    table = [
        {"model": model, **row}
        for model, stage in models.items()
        if stage in directories
        for row in read_table(directories[stage] / "tables" / "accuracy.csv")
    ]
    return sorted(
        table, key=lambda row: (row["model"], row["images"] != "shown", row["language"], row["domain"] == "all")
    )


def _answers(directories: dict[str, Path]) -> Table:
    """The same questions put to base and tuned model."""
    base = {row["id"]: row for row in Shards(directories["evaluate_base"]).rows() if row["images"] == "shown"}
    tuned = [row for row in Shards(directories["evaluate"]).rows() if row["images"] == "shown"]
    shown = Random(1).sample(tuned, min(12, len(tuned)))
    return [
        {
            **row,
            "base": base[row["id"]]["prediction"],
            "question": row["question"].rpartition("\n")[2],
            "direction": language(row["language"]).direction,
        }
        for row in shown
    ]


def _figures(directories: dict[str, Path], accuracy: Table, where: Path) -> dict[str, str]:
    made = {
        "funnel": figures.funnel(
            {stage: read_manifest(directory)["counts"] for stage, directory in directories.items()},
            where / "funnel.png",
        ),
        "accuracy": figures.accuracy(accuracy, where / "accuracy.png"),
    }
    if rules := _table(directories, "select", "rules"):
        made["rules"] = figures.rules(rules, where / "rules.png")
    if "verify" in directories:
        made["similarity"] = figures.similarity(_similarities(directories), where / "similarity.png")
    for stage, name in (("probe", "pairs"), ("probe", "curves"), ("screen", "safety")):
        path = directories[stage] / "figures" / f"{name}.png" if stage in directories else None
        if path and path.exists():
            made[name] = figures.inline(path.read_bytes())
            replace_bytes(where / path.name, path.read_bytes())
    return made


def _similarities(directories: dict[str, Path]) -> dict[str, list[float]]:
    """The worst similarity of each record, apart for good and for corrupted translations."""
    groups: dict[str, list[float]] = {}
    corrupted = {row["id"]: row["corrupted"] for row in Shards(directories["translate"]).rows(["id", "corrupted"])}
    for row in Shards(directories["verify"], suffix="arrow").rows(["id", "similarity"]):
        if row["similarity"]:
            groups.setdefault("corrupted on purpose" if corrupted[row["id"]] else "as translated", []).append(
                min(row["similarity"])
            )
    return groups
