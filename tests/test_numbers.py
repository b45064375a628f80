"""Numbers of a text and its translation: good translations pass, changed ones are caught.

`data/numbers.tsv` was written before the check: a sentence, a good translation, and one with a digit, word, sign, unit or
order changed. Where it has no changed one, there is no number, and no translation must be suspected.
"""

import csv
import re
from fractions import Fraction
from pathlib import Path

import pytest
from num2words import num2words

from ain.metrics.checks import same_numbers
from ain.text.quantities import quantities
from ain.text.same_numbers import changed_number
from ain.translator.faults import fault

with (Path(__file__).parent / "data" / "numbers.tsv").open(encoding="utf-8") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def changed(english: str, arabic: str) -> str | None:
    return changed_number(english, arabic, "en", "ar")


def share(found: list[bool]) -> float:
    assert len(found) >= 200
    return sum(found) / len(found)


def test_good_translations_pass() -> None:
    assert share([changed(row["english"], row["arabic"]) is None for row in ROWS]) >= 0.97


def test_changed_translations_are_caught() -> None:
    rows = [row for row in ROWS if row["changed"]]
    assert share([changed(row["english"], row["changed"]) is not None for row in rows]) >= 0.97


def test_another_digit_is_caught_wherever_it_stands() -> None:
    """Each digit of each translation in turn is raised by one."""
    made = []
    for row in ROWS:
        text = row["arabic"]
        for match in re.finditer(r"\d", text):
            other = chr(ord(match[0]) + 1) if int(match[0]) < 9 else chr(ord(match[0]) - 1)
            made.append((row["english"], text[: match.start()] + other + text[match.end() :]))
    assert share([changed(*pair) is not None for pair in made]) >= 0.97


@pytest.mark.parametrize("answer", ["2", "٢", "۲", "اثنان", "اثنتان", "اثنين", "كلبان", "سيارتين"])
def test_an_answer_may_be_written_in_any_way(answer: str) -> None:
    assert changed("2", answer) is None
    assert changed("3", answer)


@pytest.mark.parametrize("language", ["en", "ar"])
def test_what_num2words_spells_is_read(language: str) -> None:
    """num2words knows one gender and case, and writes 2000 as «ألفا», without its noun."""
    for number in [*range(1, 130), *range(130, 10_000, 83), 25_000, 300_000, 1_234_567, 3_500_000]:
        words = num2words(number, lang=language)
        found = quantities(words, language)
        assert [one.values for one in found if Fraction(number) in one.values], (number, words, found)


def test_both_directions() -> None:
    assert changed_number("ثلاث قطط وكلبان", "three cats and two dogs", "ar", "en") is None
    assert changed_number("ثلاث قطط وكلبان", "two cats and three dogs", "ar", "en")


def test_other_languages_are_compared_by_digits() -> None:
    assert changed_number("Two dogs, 47 km", "Zwei Hunde, 47 km", "en", "de") is None
    assert changed_number("Two dogs, 47 km", "Zwei Hunde, 74 km", "en", "de")


def test_separators() -> None:
    for arabic in ("١٬٢٠٠٫٥", "1200.5", "1\u202f200,5", "1\u00a0200.5"):
        assert changed("1,200.5", arabic) is None, arabic
    assert changed("1,2,3", "١، ٢، ٣") is None
    assert changed("1,200", "1.2")


def test_translate_and_select_agree() -> None:
    for row in ROWS:
        for arabic in filter(None, (row["arabic"], row["changed"])):
            found = fault(row["english"], arabic)
            assert (found is not None and found.kind == "number") == (same_numbers(row["english"], arabic) == 0), arabic
    assert same_numbers("A red car", "سيارة حمراء") is None
