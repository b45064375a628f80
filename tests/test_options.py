"""Letters of options: found, checked and converted, by a table of translations and by translators of both kinds."""

import csv
import json
from collections.abc import Sequence

import pytest

from ain.chat import Reply
from ain.metrics.checks import same_placeholders
from ain.runtime.paths import ROOT
from ain.text.options import labels, mentions, wrong
from ain.text.placeholders import restored
from ain.translator.replies import read

LEAST = 0.97  # share of the good translations that are accepted, and of the damaged ones that are found


def table(name: str) -> list[dict[str, str]]:
    """Return the rows of a table; a question is separated from its answer by " || "."""
    with open(ROOT / "tests" / "data" / name, encoding="utf-8", newline="") as file:
        return [
            {key: value.replace("\\n", "\n") for key, value in row.items()}
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


def found(row: dict[str, str], script: str = "Arabic") -> str | None:
    """Return the kind of fault that a chat translator finds in a row's translation."""
    names = ("question", "answer") if " || " in row["english"] else ("text",)
    unit, made = (dict(zip(names, row[of].split(" || "), strict=True)) for of in ("english", "arabic"))
    reply = Reply(json.dumps({"translations": [{"id": 1, **made}]}))
    return read(reply, [unit], as_text=False, script=script)[0].get("fault")


def split(rows: Sequence[dict[str, str]]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    good = [row for row in rows if row["verdict"] == "good"]
    return good, [row for row in rows if row["verdict"] != "good"]


def test_letters_are_checked_as_chosen() -> None:
    good, bad = split(table("options.tsv"))
    assert len(good) + len(bad) >= 200
    refused = [row for row in good if found(row, row["options"].capitalize())]
    missed = [row for row in bad if found(row, row["options"].capitalize()) != "placeholder"]
    assert len(refused) <= (1 - LEAST) * len(good), refused
    assert len(missed) <= (1 - LEAST) * len(bad), missed


def test_a_finished_translation_may_have_either_letters_but_not_both() -> None:
    """Verification does not know what the translator was told."""
    good, bad = split(table("options.tsv"))
    either = [row for row in bad if row["verdict"] not in ("kept Latin", "converted")]
    good += [row for row in bad if row not in either]

    def score(row: dict[str, str]) -> float | None:
        return same_placeholders(row["english"].split(" || "), row["arabic"].split(" || "))

    refused, missed = [row for row in good if score(row) == 0], [row for row in either if score(row) != 0]
    assert len(refused) <= (1 - LEAST) * len(good), refused
    assert len(missed) <= (1 - LEAST) * len(either), missed
