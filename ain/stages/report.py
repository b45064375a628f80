"""Report: one page that shows what a run did, from what its stages left on disk: `index.html`, self-contained, and `index.md`."""

import shutil
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from ain import figures
from ain.images import ImagePacks, png
from ain.metrics.bootstrap import clustered
from ain.record import Row, Shards, replace_text
from ain.stage import read_manifest
from ain.tables import Table, read_table, write_table

TEMPLATES = Path(__file__).parent / "templates"
EXAMPLES = 8


def report(job: dict[str, Any], directories: dict[str, Path], where: Path) -> dict[str, float]:
    """Writes the page and returns the headline: accuracy of base and tuned model in each language, in percent."""
    shutil.rmtree(where / "tables", ignore_errors=True)
    shutil.rmtree(where / "figures", ignore_errors=True)
    manifests = {stage: read_manifest(directory) for stage, directory in directories.items()}
    accuracy = _accuracy(directories)
    page: dict[str, Any] = {
        "job": job,
        "headline": headline(accuracy),
        "stages": _stages(manifests),
        "asking": _asking(manifests),
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
    bars = [(job["label"], {language: _tuned(job, language) for language in ("arabic", "english")}) for job in done]
    figure = figures.sweep(bars, where / "figures" / "sweep.png") if done else None
    differences = _differences(done)
    if differences:
        write_table(where / "tables" / "differences.csv", differences)
    _write(where, "sweep", {"jobs": jobs, "names": names, "figure": figure, "differences": differences})


def _tuned(job: dict[str, Any], language: str) -> float:
    """A job's tuned accuracy under its own condition: a model trained on grey pictures is asked with grey pictures."""
    return float(job["headline"][" ".join(["tuned", language, *(["blank"] if _trained_blank(job) else [])])])


def _trained_blank(job: dict[str, Any]) -> bool:
    mixture = read_manifest(Path(job["directories"]["mix"]))["settings"]["mixture"]
    return bool(mixture["pictures"] == "blank")


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
        if stage.split(" ")[0] in ("collect", "translate", "select", "mix", "pack"):
            shards = Shards(directory, suffix="arrow" if stage == "pack" else "parquet")
            counts = Counter(
                short
                for row in shards.rows(["reasons"], "rejected")
                for short in {_short(reason) for reason in row["reasons"]}
            )
            table += [{"stage": stage, "reason": reason, "records": count} for reason, count in counts.most_common(12)]
    return table


def _short(reason: str) -> str:
    """The rule without its numbers; what a translation or a picture was refused for stays."""
    head, _, rest = reason.partition(":")
    return f"{head}: {rest.split('(')[0].strip()}" if head in ("unsafe", "translation") else head.split(" (")[0]


def _translations(directories: dict[str, Path]) -> Table:
    """A few records with their pictures, first kept ones, then rejected: what was translated, its scores, select's verdict."""
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
    table = [
        {"model": model, **row}
        for model, stage in models.items()
        if stage in directories
        for row in read_table(directories[stage] / "tables" / "accuracy.csv")
    ]
    return sorted(
        table, key=lambda row: (row["model"], row["pictures"] != "shown", row["language"], row["domain"] == "all")
    )


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
    """The first choice against each other in Arabic, over the seeds that both have and the questions that both answered.

    A question's score is its mean over the seeds; the interval is a bootstrap over pictures, since questions about one
    picture stand or fall together.
    """
    groups: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for job in jobs:
        words = job["label"].split()
        seed = next((word for word in words if word.startswith("seed=")), "")
        groups[" ".join(word for word in words if word != seed) or "(defaults)"][seed] = _scores(job)
    (first, *others) = groups.items() if groups else [("", {})]
    return [row for other in others if (row := _difference(first, other))]


def _difference(one: tuple[str, Any], other: tuple[str, Any]) -> dict[str, Any] | None:
    seeds = sorted(set(one[1]) & set(other[1]))
    answers = [side[1][seed] for seed in seeds for side in (one, other)]
    asked = [key for key in answers[0] if all(key in scores for scores in answers)] if answers else []
    if not asked:
        return None
    gaps: dict[str, list[float]] = defaultdict(list)
    for key in asked:
        gap = sum(one[1][seed][key] - other[1][seed][key] for seed in seeds) / len(seeds)
        gaps[key.rsplit("-", 2)[0]].append(gap)
    mean, low, high = (round(100 * value, 1) for value in clustered(list(gaps.values())))
    by_seed = [round(100 * sum(one[1][s][k] - other[1][s][k] for k in asked) / len(asked), 1) for s in seeds]
    return {
        "one": one[0],
        "other": other[0],
        "difference": mean,
        "low": low,
        "high": high,
        "questions": len(asked),
        "seeds": len(seeds),
        "by seed": " ".join(f"{gap:+.1f}" for gap in by_seed),
    }


def _scores(job: dict[str, Any]) -> dict[str, float]:
    """Question → score, in Arabic, with the pictures as the job was trained on them."""
    condition = "blank" if _trained_blank(job) else "shown"
    rows = Shards(Path(job["directories"]["evaluate"])).rows(["id", "language", "pictures", "score"])
    return {row["id"]: row["score"] for row in rows if row["language"] == "arabic" and row["pictures"] == condition}
