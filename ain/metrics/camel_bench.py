"""Average CAMEL-Bench as AIN's Table 1 does: questions → data set → sub-domain → domain → total.

The table's total is the unweighted mean of its eight domains. How data sets and sub-domains are averaged is published
nowhere: here every data set of a sub-domain and every sub-domain of a domain counts the same, or, with `weighted`, a
sub-domain counts by the questions that the benchmark's own table prints for it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# Domain → title and printed number of questions, in the order of AIN's Table 1.
DOMAINS = {
    "vqa": ("General VQA", 14_251),
    "ocr": ("OCR and document understanding", 7_931),
    "video": ("General video and multi-image understanding", 765),
    "rs": ("Remote sensing understanding", 709),
    "cdt": ("Chart, diagram and table understanding", 2_820),
    "agro": ("Agricultural image understanding", 769),
    "cultural": ("Cultural-specific understanding", 1_285),
    "medical": ("Medical image understanding", 506),
}
# Domain → sub-domain → printed number of questions. The paper speaks of 38 sub-domains; its table prints 36.
SUBDOMAINS = {
    "vqa": {
        "visual understanding": 3_971,
        "object hallucination": 997,
        "math and logic": 531,
        "scientific": 1_624,
        "VQA": 3_840,
        "infographics": 120,
        "complex perception": 1_422,
        "spatial": 624,
        "multi-image": 1_062,
        "object-level": 60,
    },
    "ocr": {
        "scanned documents OCR": 480,
        "scanned documents VQA": 703,
        "scene text": 1_217,
        "books": 40,
        "PowerPoint OCR": 2_354,
        "PowerPoint VQA": 711,
        "handwriting": 1_400,
        "newsletters": 506,
        "lines": 520,
    },
    "video": {"countries": 87, "occasions": 24, "general": 654},
    "rs": {"remote sensing": 709},
    "cdt": {"charts": 745, "diagrams": 1_994, "tables": 81},
    "agro": {"agriculture": 769},
    "cultural": {"celebrities": 444, "food": 347, "countries": 494},
    "medical": {
        "basic": 89,
        "clinical": 83,
        "public health": 87,
        "pharmacy": 82,
        "diagnosis": 87,
        "medical understanding": 78,
    },
}
# One data set holds both sub-domains, and nothing known tells its questions apart.
SUBDOMAINS_JOINED = {"video": {"countries and occasions": ("countries", "occasions")}}

Subdomain = tuple[str, str]  # (domain, sub-domain)


@dataclass(frozen=True)
class Averages:
    """Means of scores. total: None unless all domains have questions. lacking: printed sub-domains without questions."""

    datasets: dict[str, float]
    subdomains: dict[Subdomain, float]
    domains: dict[str, float]
    total: float | None
    lacking: list[Subdomain]


def averages(scores: Iterable[tuple[str, str, str, float]], weighted: bool = False) -> Averages:
    """Average (data set, domain, sub-domain, score) of each question; what could not be asked comes in with score 0."""
    parts: dict[Subdomain, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    datasets: dict[str, list[float]] = defaultdict(list)
    for dataset, domain, subdomain, score in scores:
        parts[domain, subdomain][dataset].append(score)
        datasets[dataset].append(score)
    subdomains = {of: _mean([_mean(found) for found in by.values()]) for of, by in parts.items()}
    domains = {
        domain: _mean(
            [mean for (own, _), mean in subdomains.items() if own == domain],
            [_printed(domain, name) if weighted else 1 for own, name in subdomains if own == domain],
        )
        for domain in DOMAINS
        if any(own == domain for own, _ in subdomains)
    }
    asked = {(domain, one) for domain, name in subdomains for one in _names(domain, name)}
    lacking = [(domain, name) for domain, names in SUBDOMAINS.items() for name in names if (domain, name) not in asked]
    total = _mean(list(domains.values())) if len(domains) == len(DOMAINS) else None
    return Averages({name: _mean(found) for name, found in datasets.items()}, subdomains, domains, total, lacking)


def _names(domain: str, name: str) -> Sequence[str]:
    joined: Mapping[str, Sequence[str]] = SUBDOMAINS_JOINED.get(domain, {})
    return joined.get(name, (name,))


def _printed(domain: str, name: str) -> int:
    """Return the printed number of questions of a sub-domain; 1 for one that is not printed."""
    return sum(SUBDOMAINS[domain].get(one, 0) for one in _names(domain, name)) or 1


def _mean(values: Sequence[float], weights: Sequence[float] | None = None) -> float:
    weights = weights or [1] * len(values)
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)
