"""Say what the numbers of a job are about, in plain words, and list servers, costs and versions, from manifests."""

import json
import re

from ain.report.section import Section
from ain.storage.tables import Table

_TOY = re.compile(r'"miniature:|"ain\.\w+\.miniature\.')  # in the settings of all that belongs to the drawn world
USAGE = {
    "requests": "requests",
    "prompt_tokens": "prompt tokens",
    "completion_tokens": "completion tokens",
    "estimated_usd": "estimated, $",
    "usd": "spent, $",
}


def toys(sections: list[Section]) -> list[str]:
    """Return the config groups that are the miniature's: its data, questions or tiny models."""
    given = {group.split(".")[0]: values for one in sections for group, values in one.manifest["settings"].items()}
    found = {group for group, values in given.items() if _TOY.search(json.dumps(values))}
    return sorted({"model" if group == "asked" else group for group in found})


def about(sections: list[Section]) -> list[str]:
    """Return sentences on what was asked, of whom, and what the numbers cannot say."""
    made = []
    if found := toys(sections):
        drawn = "Images are drawn by computer, a grammar writes questions and answers, and the models are tiny. "
        strange = "The models are tiny and know only drawn scenes: what they say about other images is nonsense. "
        made.append(
            "This is a toy. It shows that the pipeline works from end to end, and nothing about real models or real images. "
            f"{drawn if 'source' in found else strange}Taken from the miniature: {', '.join(found)}."
        )
    settings = [one.manifest["settings"] for one in sections if one.table("accuracy")]
    if settings and str(settings[0].get("benchmark", {}).get("_target_", "")).endswith(".HeldOut"):
        made.append(
            "The questions are about images that training has not seen. Their labels are the data's own answers, and kept "
            "translations of them: no person has checked these."
        )
    if settings:
        made.append(
            "Accuracy is the share of answers that equal the label after both are normalised. A question without an answer "
            "counts as wrong. Intervals cover 95 %: they say how much a number depends on which questions were drawn, not how "
            "much it would change with another seed of the training."
        )
    if any("accuracy" in one.counts and one.counts.get("judged") for one in sections):
        made.append(
            "Answers that the rules do not find right were given to a language model, which judged whether they mean the same "
            "as the label. How far it agrees with the rules and with people stands beside its verdicts."
        )
    return made


def usage(sections: list[Section]) -> Table:
    """Return a row for each stage that asked a language model: who answered, requests, tokens, costs."""
    asked = [one for one in sections if one.counts.get("server") or one.counts.get("requests")]
    names = [name for name in USAGE if any(one.counts.get(name) is not None for one in asked)]
    return [
        {
            "stage": one.name,
            "answered by": one.counts.get("server") or "this machine",
            **{USAGE[name]: one.counts.get(name) for name in names},
        }
        for one in asked
    ]


def versions(sections: list[Section], made: list[str]) -> Table:
    """Return a row for each stage: when, where and with what code it was made. made: stages that this job made."""
    return [
        {
            "stage": one.name,
            "finished": one.manifest["finished"][:16].replace("T", " "),
            "made by": "this job" if one.name in made else "an earlier job",
            "host": one.manifest["host"],
            "ain": one.manifest["versions"].get("ain"),
            "commit": _short(one.manifest["commit"]),
        }
        for one in sections
    ]


def libraries(sections: list[Section]) -> Table:
    """Return a row for each library: its versions, of which there are several if jobs of other days made some stages."""
    found: dict[str, dict[str, None]] = {}
    for one in sections:
        for name, version in one.manifest["versions"].items():
            found.setdefault(name, {})[version] = None
    return [{"library": name, "version": ", ".join(of)} for name, of in found.items()]


def _short(commit: str | None) -> str | None:
    head, dirty, _ = (commit or "").partition("-dirty")
    return f"{head[:12]}{' with changes' if dirty else ''}" or None
