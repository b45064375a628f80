"""Report: one page that shows what a run did, from what its stages left on disk: `index.html`, self-contained, and `index.md`."""

from collections import Counter
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ain import figures
from ain.images import ImagePacks, png
from ain.record import Row, Shards, replace_text
from ain.stage import read_manifest
from ain.tables import Table, read_table, write_table

TEMPLATES = Path(__file__).parent / "templates"
EXAMPLES = 8


def report(job: dict[str, Any], directories: dict[str, Path], where: Path) -> dict[str, float]:
    """Writes the page and returns the headline: accuracy of base and tuned model in each language, in percent."""
    manifests = {stage: read_manifest(directory) for stage, directory in directories.items()}
    accuracy = _accuracy(directories)
    page: dict[str, Any] = {
        "job": job,
        "headline": headline(accuracy),
        "stages": _stages(manifests),
        "rejections": _rejections(directories),
        "translations": _translations(directories),
        "spoiled": spoiled(directories),
        "probes": read_table(directories["verify"] / "tables" / "probe_pairs.csv") if "verify" in directories else [],
        "mixture": read_table(directories["mix"] / "tables" / "mixture.csv"),
        "accuracy": accuracy,
        "answers": _answers(directories),
        "figures": _figures(directories, accuracy, where / "figures"),
    }
    if page["spoiled"]:
        write_table(where / "tables" / "spoiled.csv", page["spoiled"])
    _write(where, "job", page)
    return page["headline"]  # type: ignore[no-any-return]


def report_sweep(jobs: list[dict[str, Any]], where: Path) -> None:
    """One row a job, the differences between them where both answered the same questions, and a link to each job's page."""
    done = [job for job in jobs if job["status"] == "done"]
    names = list(dict.fromkeys(name for job in done for name in job["headline"]))
    headlines = [(job["label"], job["headline"]) for job in done]
    figure = figures.sweep(headlines, where / "figures" / "sweep.png") if done else None
    _write(where, "sweep", {"jobs": jobs, "names": names, "figure": figure, "differences": _differences(done)})


def _write(where: Path, name: str, page: dict[str, Any]) -> None:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["commas"] = lambda value: f"{value:,}"
    environment.filters["cell"] = lambda value: str(value).replace("|", "\\|").replace("\n", " ")
    where.mkdir(parents=True, exist_ok=True)
    for suffix in ("html", "md"):
        replace_text(where / f"index.{suffix}", environment.get_template(f"{name}.{suffix}").render(**page))


def headline(accuracy: Table) -> dict[str, float]:
    """`base english`, `tuned arabic`, `tuned arabic shuffled` ... → percent."""
    return {
        " ".join([row["model"], row["language"], *([] if row["pictures"] == "shown" else [row["pictures"]])]): float(
            row["accuracy"]
        )
        for row in accuracy
        if row["domain"] == "all"
    }


def _stages(manifests: dict[str, dict[str, Any]]) -> Table:
    return [
        {"stage": name, "seconds": m["seconds"], **{key: m["counts"].get(key) for key in ("input", "kept", "rejected")}}
        for name, m in manifests.items()
    ]


def _rejections(directories: dict[str, Path]) -> Table:
    """Stage, reason in short, how many records it is among the reasons of."""
    table = []
    for stage in ("collect", "translate", "select", "mix", "pack"):
        if stage in directories:
            shards = Shards(directories[stage], suffix="arrow" if stage == "pack" else "parquet")
            counts = Counter(
                short
                for row in shards.rows(["reasons"], "rejected")
                for short in {_short(reason) for reason in row["reasons"]}
            )
            table += [{"stage": stage, "reason": reason, "records": count} for reason, count in counts.most_common(12)]
    return table


def _short(reason: str) -> str:
    head, colon, _ = reason.partition(":")
    return reason if head == "unsafe" else head if colon else reason


def _translations(directories: dict[str, Path]) -> Table:
    """A few records with their pictures: what was translated, its scores, and select's verdict; kept and rejected by turns."""
    if "verify" not in directories or "translate" not in directories:
        return []
    refused = {row["id"]: row["reasons"] for row in Shards(directories["select"]).rows(["id", "reasons"], "rejected")}
    records = Shards(directories["collect"]).by_id(0)
    scores = Shards(directories["verify"]).by_id(0)
    rows = [row for row in Shards(directories["translate"]).read(0) if row["arabic"]]
    Random(0).shuffle(rows)
    shown = [
        *islice((r for r in rows if r["id"] not in refused), EXAMPLES // 2),
        *islice((r for r in rows if r["id"] in refused), EXAMPLES),
    ]
    packs = ImagePacks(directories["collect"])
    names = packs.index(packs=1)  # a shard refers to pictures of its own pack and of those before
    return [
        _translation(row, records[row["id"]], scores[row["id"]], refused.get(row["id"], []), packs, names)
        for row in shown
    ]


def _translation(
    row: Row, record: Row, scores: Row, reasons: list[str], packs: ImagePacks, names: dict[str, tuple[int, int]]
) -> Row:
    worst = min(range(len(row["arabic"])), key=lambda i: scores["similarity"][i])
    picture = packs.image(names[record["images"][0]]) if record["images"] else None
    if picture:
        picture.thumbnail((112, 112))
    return {
        "id": record["id"],
        "picture": figures.inline(png(picture)) if picture else None,
        "english": record["english"][worst],
        "arabic": row["arabic"][worst],
        "similarity": scores["similarity"][worst],
        "spoiled": row.get("spoiled"),
        "reasons": reasons,
        "unsafe": any(reason.startswith("unsafe") for reason in reasons),
    }


def spoiled(directories: dict[str, Path]) -> Table:
    """Of the translations that were spoiled on purpose, how many each rule caught, by kind; and of the good, how many it refused.

    Good is what equals its reference. `encoder` counts by similarity alone, `checks` by the others alone.
    """
    if "verify" not in directories or "select" not in directories:
        return []
    from ain.metrics.rules import translation_reasons

    thresholds = read_manifest(directories["select"])["settings"]["thresholds"]
    table: dict[str, Counter[str]] = {}
    for index in range(len(Shards(directories["translate"]))):
        references = Shards(directories["collect"]).by_id(index, ["reference"])
        scores = Shards(directories["verify"]).by_id(index)
        for row in Shards(directories["translate"]).read(index):
            reference = references[row["id"]]["reference"]
            if not row["arabic"] or not reference:
                continue
            kind = row["spoiled"] or ("none (good)" if row["arabic"] == reference else "none (mistranslated)")
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
    columns = ("caught", "encoder", "checks", "similarity", "digits", "script", "length")
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
    return [
        {"model": model, **row}
        for model, stage in models.items()
        if stage in directories
        for row in read_table(directories[stage] / "tables" / "accuracy.csv")
    ]


def _answers(directories: dict[str, Path]) -> Table:
    """The same questions put to base and tuned model."""
    base = {row["id"]: row for row in Shards(directories["evaluate_base"]).rows() if row["pictures"] == "shown"}
    tuned = [row for row in Shards(directories["evaluate"]).rows() if row["pictures"] == "shown"]
    shown = Random(1).sample(tuned, min(12, len(tuned)))
    return [
        {**row, "base": base[row["id"]]["prediction"], "question": row["question"].rpartition("\n")[2]} for row in shown
    ]


def _figures(directories: dict[str, Path], accuracy: Table, where: Path) -> dict[str, str]:
    made = {
        "funnel": figures.funnel(
            {stage: read_manifest(directory)["counts"] for stage, directory in directories.items()},
            where / "funnel.png",
        ),
        "loss": figures.loss(read_table(directories["train"] / "tables" / "loss.csv"), where / "loss.png"),
        "accuracy": figures.accuracy(accuracy, where / "accuracy.png"),
    }
    if "verify" in directories:
        made["probes"] = figures.probes(
            read_table(directories["verify"] / "tables" / "probe_pairs.csv"), where / "probes.png"
        )
        made["similarity"] = figures.similarity(_similarities(directories), where / "similarity.png")
    return made


def _similarities(directories: dict[str, Path]) -> dict[str, list[float]]:
    """The worst similarity of each record, apart for good and for spoiled translations."""
    groups: dict[str, list[float]] = {}
    spoils = {row["id"]: row["spoiled"] for row in Shards(directories["translate"]).rows(["id", "spoiled"])}
    for row in Shards(directories["verify"]).rows(["id", "similarity"]):
        if row["similarity"]:
            groups.setdefault("spoiled on purpose" if spoils[row["id"]] else "as translated", []).append(
                min(row["similarity"])
            )
    return groups


def _differences(jobs: list[dict[str, Any]]) -> Table:
    """The first choice against each other, seeds pooled: the mean difference in Arabic over the same questions."""
    from ain.metrics.bootstrap import paired

    scores = [_scores(job) for job in jobs]
    groups: dict[str, list[int]] = {}
    for i, job in enumerate(jobs):
        groups.setdefault(
            " ".join(word for word in job["label"].split() if not word.startswith("seed=")) or "(defaults)", []
        ).append(i)
    table: Table = []
    names = list(groups)
    for name in names[1:]:
        pairs = [
            (scores[a], scores[b])
            for a, b in zip(groups[names[0]], groups[name], strict=False)
            if scores[a].keys() == scores[b].keys()
        ]
        one = [pair[0][key] for pair in pairs for key in pair[0]]
        other = [pair[1][key] for pair in pairs for key in pair[0]]
        if one:
            mean, low, high = (round(100 * value, 1) for value in paired(one, other))
            table.append(
                {
                    "better": names[0],
                    "than": name,
                    "by": mean,
                    "low": low,
                    "high": high,
                    "questions": len(one),
                    "pairs of jobs": len(pairs),
                }
            )
    return table


def _scores(job: dict[str, Any]) -> dict[str, float]:
    rows = Shards(Path(job["directories"]["evaluate"])).rows(["id", "language", "pictures", "score"])
    return {
        row["id"]: row["score"] for row in rows if row["language"] == "arabic" and row["pictures"] in ("shown", "blank")
    }
