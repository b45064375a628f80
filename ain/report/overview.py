"""Put the models of a job that asks several benchmarks side by side: domains, and the benchmarks themselves."""

from typing import Any

from ain.metrics.averages import TOTAL, Accuracy, accuracies, averages
from ain.metrics.camel_bench import DOMAINS, lacking
from ain.report.section import Section
from ain.storage.tables import Table
from ain.text.languages import name


def overview(sections: list[Section]) -> list[dict[str, Any]]:
    """Return for each language, if there are several benchmarks: domains and benchmarks, a row each, with every model's
    averages; lacking: CAMEL-Bench's sub-domains without questions, if it was asked."""
    graded = [section for section in sections if section.table("subdomains")]
    if len({section.counts["benchmark"] for section in graded}) < 2:
        return []
    languages = dict.fromkeys(row["language"] for section in graded for row in section.table("subdomains"))
    return [
        {
            "language": name(code),
            "domains": _domains(graded, code),
            "benchmarks": _benchmarks(graded, code),
            "lacking": _lacking(graded, code),
        }
        for code in languages
    ]


def _domains(graded: list[Section], language: str) -> Table:
    """Return a row for each domain and the total: of each model the mean of sub-domains and the share of questions."""
    of_models: dict[str, list[Accuracy]] = {}
    for section in graded:
        table = [row for row in section.table("subdomains") if row["language"] == language]
        of_models.setdefault(section.counts["model"], []).extend(accuracies(section.counts["benchmark"], table))
    rows: dict[str, dict[str, Any]] = {}
    for model, found in of_models.items():
        for average in averages(found):
            row = rows.setdefault(average["domain"], {"domain": average["domain"]})
            row |= {f"{model}, mean": average["mean"], f"{model}, pooled": average["pooled"]}
            row |= {key: max(row.get(key, 0), average[key]) for key in ("questions", "labelled")}
    order = [*DOMAINS, *(domain for domain in rows if domain not in (*DOMAINS, TOTAL)), TOTAL]
    return [rows[domain] for domain in order if domain in rows]


def _lacking(graded: list[Section], language: str) -> list[str]:
    tables = [
        section.table("subdomains") for section in graded if section.counts["benchmark"].startswith("camel_bench")
    ]
    found = {(row["domain"], row["kind"]) for table in tables for row in table if row["language"] == language}
    return [f"{domain}: {kind}" for domain, kind in lacking(found)] if found else []


def _benchmarks(graded: list[Section], language: str) -> Table:
    """Return a row for each benchmark, with every model's accuracy and interval."""
    rows: dict[str, dict[str, Any]] = {}
    for section in graded:
        counts = section.counts
        for row in section.table("accuracy"):
            if (row["language"], row["images"], row["domain"]) == (language, "shown", "all"):
                made = rows.setdefault(counts["benchmark"], {"benchmark": counts["benchmark"]})
                made |= {"questions": row["questions"], "labelled": row["labelled"], counts["model"]: row["accuracy"]}
                made |= {f"{counts['model']}, {side}": row[side] for side in ("low", "high")}
    return list(rows.values())
