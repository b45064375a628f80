"""CAMEL-Bench's eight domains and their sub-domains, as its paper prints them. How they are averaged: `averages`."""

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


def lacking(found: set[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the printed (domain, sub-domain) that are not among those of an evaluation."""
    asked = {
        (domain, name) for domain, joined in found for name in SUBDOMAINS_JOINED.get(domain, {}).get(joined, (joined,))
    }
    return [(domain, name) for domain, names in SUBDOMAINS.items() for name in names if (domain, name) not in asked]
