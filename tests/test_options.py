"""Letters of options: found, checked and converted, by a table of translations and by translators of both kinds."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from ain.chat import Reply
from ain.engine.local import Local
from ain.metrics.checks import same_placeholders
from ain.runtime.paths import ROOT
from ain.text.languages import option_script
from ain.text.options import known, labels, mentions, wrong
from ain.text.placeholders import restored
from ain.translator import Todo
from ain.translator.replies import read
from ain.translator.text_translator import TextTranslator

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


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("A) red B) blue", "AB"),
        ("Which?\nA. red\nB. blue", "AB"),
        ("(a) red, (b) blue", "AB"),
        ("**A.** red\n**B.** blue", "AB"),
        ("B) red", "B"),
        ("أ) أحمر ب) أزرق", "AB"),
        ("E. coli", ""),
        ("A dog and a cat", ""),
        ("Vitamin C", ""),
        ("By A. Smith and B. Jones.", ""),
        ("Person A: Hello.\nPerson B: Hi.", ""),
        ("(c) 2019 Getty", ""),
    ],
)
def test_labels_are_told_from_other_letters(text: str, letters: str) -> None:
    assert "".join("ABCDEFGH"[mark.index] for mark in labels(text)) == letters


def test_a_mention_names_an_option() -> None:
    assert [mark.index for mark in mentions("The answer is B.")] == [1]
    assert [mark.index for mark in mentions("Answer with A, B, or D.")] == [0, 1, 3]
    assert [mark.index for mark in mentions("B")] == [1]
    for text in ("Vitamin C is found in lemons.", "A dog", "The answer is a dog.", "Plan B failed."):
        assert not mentions(text), text


def test_a_letter_is_an_option_only_where_the_question_has_some() -> None:
    assert known("Which?\nA. red\nB. blue") == {0, 1}
    assert known("Which vitamin is in lemons?") == set()
    assert [mark.index for mark in labels("B. red", {0, 1})] == [1]
    assert not labels("E. coli", {0, 1})
    assert not mentions("C", known("Which vitamin is in lemons?"))


class Words(TextTranslator):
    """Marks each text, so that what a translator was shown can be told from what was kept."""

    def __init__(self, target: str, options: str = "auto") -> None:
        self.target, self.options = target, options  # type: ignore[assignment]

    def translate(self, texts: list[str]) -> list[str | None]:
        return [f"[{text}]" for text in texts]


@pytest.mark.parametrize(
    ("target", "options", "question", "answers"),
    [
        ("ar", "auto", "[Which?]\nأ) [red]\nب) [blue]", ["ب", "ب. [blue]", "[The answer is ب.]", "[E. coli]"]),
        ("ar", "latin", "[Which?]\nA) [red]\nB) [blue]", ["B", "B. [blue]", "[The answer is B.]", "[E. coli]"]),
        ("ru", "auto", "[Which?]\nА) [red]\nБ) [blue]", ["Б", "Б. [blue]", "[The answer is Б.]", "[E. coli]"]),
        ("fr", "auto", "[Which?]\nA) [red]\nB) [blue]", ["B", "B. [blue]", "[The answer is B.]", "[E. coli]"]),
    ],
)
def test_text_translators_put_letters_back(
    target: str, options: str, question: str, answers: list[str], tmp_path: Path
) -> None:
    given = [
        {"question": "Which?\nA) red\nB) blue", "answer": answer}
        for answer in ("B", "B. blue", "The answer is B.", "E. coli")
    ]
    row = {"language": "en", "turns": given}
    made, reasons = Words(target, options).run(Todo(lambda: iter([row]), 1), tmp_path, Local()).of(row)
    assert not reasons
    assert {turn["question"] for turn in made} == {question}
    assert [turn["answer"] for turn in made] == answers


def test_back_translation_restores_latin_letters(tmp_path: Path) -> None:
    row = {"language": "ar", "turns": [{"question": "أيهما؟\nأ) أحمر\nب) أزرق", "answer": "ب"}]}
    made, _ = Words("en").run(Todo(lambda: iter([row]), 1), tmp_path, Local()).of(row)
    assert made == [{"question": "[أيهما؟]\nA) [أحمر]\nB) [أزرق]", "answer": "B"}]


def test_scripts_without_letters_of_their_own_use_latin() -> None:
    assert [option_script("auto", code) for code in ("ar", "fa", "ru", "zh", "fr")] == [
        "Arabic",
        "Arabic",
        "Cyrillic",
        "Latin",
        "Latin",
    ]
    assert option_script("latin", "ar") == "Latin"
    assert wrong("A) red B) blue", "А) красный Б) синий", "Cyrillic") is None
    assert wrong("A) red B) blue", "А) красный B) синий", "Cyrillic") == "А Б"
    assert restored("The answer is B.", lambda text: text, "Greek") == ("The answer is Β.", None)
