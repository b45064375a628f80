"""What a survey's answers come to: orders, shares, strengths, agreement, imported forms, and the page with its tables."""

import itertools
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from surveyed import HOSTILE, built, survey
from test_pages import check

from ain import UserError
from ain.metrics.agreement import alpha
from ain.metrics.orders import balanced, williams
from ain.metrics.preferences import bradley_terry, strengths, wilson, wins
from ain.storage.tables import read_table
from ain.survey.answers import Answers, Given, choose, join, tell
from ain.survey.definition import read_survey
from ain.survey.forms import import_form, read_columns
from ain.survey.results import Results, balance


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_no_place_and_no_neighbour_is_favoured(count: int) -> None:
    rows = williams(count)
    places = Counter((place, thing) for row in rows for place, thing in enumerate(row))
    behind = Counter(pair for row in rows for pair in itertools.pairwise(row))
    assert len(places) == count * count
    assert len(behind) == count * (count - 1)
    assert len(set(places.values())) == len(set(behind.values())) == 1
    for question in (1, 2):
        met = [balanced(count, participant, question, 5) for participant in range(3, 3 + len(rows))]
        assert sorted(met) == sorted(rows)


def test_the_order_of_a_question_does_not_tell_that_of_the_next() -> None:
    met = Counter((balanced(3, number, 1, 0), balanced(3, number, 2, 0)) for number in range(6))
    assert len({after[0] for (before, after) in met if before[0] == 0}) > 1


def test_wilson_intervals() -> None:
    assert wilson(3, 5) == pytest.approx((0.6, 0.2307, 0.8824), abs=1e-4)
    assert np.isnan(wilson(0, 0)).all()


def test_bradley_terry_from_choices_of_the_best() -> None:
    """If all are shown each time, strengths are shares of choices. Otherwise they are the solution of the likelihood's
    equations: wins = expected wins."""
    chosen = [0] * 76 + [1] * 15 + [2] * 9
    won = np.array([wins(one, range(3), 3) for one in chosen])
    assert bradley_terry(won.sum(0)) == pytest.approx([0.76, 0.15, 0.09], abs=1e-6)
    value, low, high = strengths(won)[0]
    assert low < value < high
    assert (low, high) == pytest.approx((0.67, 0.84), abs=0.02)
    some = np.array([[0.0, 8, 5], [2, 0, 3], [1, 7, 0]])
    found = bradley_terry(some)
    expected = [
        sum((some[i, j] + some[j, i]) * found[i] / (found[i] + found[j]) for j in range(3) if j != i) for i in range(3)
    ]
    assert some.sum(1) == pytest.approx(expected, rel=1e-6)
    assert bradley_terry(np.array([[0.0, 4], [0, 0]])).tolist() == [1, 0]


def test_alpha_of_krippendorffs_own_example() -> None:
    """Computing Krippendorff's Alpha-Reliability (2011), section C: four observers, twelve units, missing values."""
    rows = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
    ratings = {
        str(observer): {str(unit): float(value) for unit, value in enumerate(row) if value != "."}
        for observer, row in enumerate(rows)
    }
    assert alpha(ratings, "nominal") == pytest.approx(0.743, abs=5e-4)
    assert alpha(ratings) == pytest.approx(0.849, abs=5e-4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A survey with five choices of three participants."""
    made = built(tmp_path_factory.mktemp("answered"))
    asked = read_survey(made)
    answers = Answers(made, asked)
    answers.write(join(name) for name in ("a", "b", "c", "left"))
    for participant, question, chosen in (
        (0, 1, "mine"),
        (0, 2, "mine"),
        (1, 1, "mine"),
        (1, 2, "theirs"),
        (2, 1, "other"),
    ):
        answers.write([choose(Given(participant, question, chosen, asked.order(participant, question)))])
    answers.write([tell(0, "nationality", "Egypt"), tell(1, "nationality", "Egypt"), tell(2, "nationality", "Jordan")])
    answers.write([tell(3, "nationality", "Oman"), tell(0, "dialect", "MSA fine, prefer dialect")])
    answers.close()
    return made


def test_the_numbers_are_those_computed_by_hand(folder: Path) -> None:
    asked = read_survey(folder)
    answers = Answers(folder, asked)
    results = Results(asked, answers.participants(), answers.given())
    rows = {row["model"]: row for row in results.preferences()}
    assert [(rows[model]["choices"], rows[model]["percent"]) for model in asked.models] == [
        (3, 60.0),
        (1, 20.0),
        (1, 20.0),
    ]
    assert [rows[model]["strength"] for model in asked.models] == [0.6, 0.2, 0.2]
    assert [rows[model]["right answers"] for model in asked.models] == [2, 1, 0]
    assert results.counts["participants"] == 3  # one came and chose nothing
    assert results.agreement() == pytest.approx(1 - 0.8 / 0.7)
    first = [row for row in results.by_question() if row["question"] == 1]
    assert [row["choices"] for row in first] == [2, 0, 1]
    assert (first[0]["percent"], first[1]["percent"]) == (66.67, 0.0)
    assert [(row["choices"], row["right answers"], row["percent"]) for row in results.wrong()] == [
        (3, 1, 33.33),
        (2, 1, 50.0),
        (0, 1, None),
        (0, 0, None),
    ]
    nationalities = {row["nationality"]: row for row in results.nationalities()}
    assert (nationalities["Egypt"]["percent"], nationalities["Egypt"]["paper, %"]) == (66.67, 25)
    assert (nationalities["UAE"]["participants"], nationalities["UAE"]["paper, %"]) == (0, 13.3)
    assert "Oman" not in nationalities
    dialects = {row["dialect"]: (row["participants"], row["paper, %"]) for row in results.dialects()}
    assert dialects["MSA fine, prefer dialect"] == (1, 11.0)
    assert len(dialects) == 4
    assert sum(row["chosen"] for row in results.places()) == 5
    p = balance(results.places())
    assert p is not None
    assert 0 < p <= 1


def test_the_report_is_a_page_with_tables_and_figures(folder: Path) -> None:
    result = survey("report", str(folder))
    assert result.returncode == 0, result.stderr
    page = Path(result.stdout.strip())
    check(page)
    text = page.read_text(encoding="utf-8")
    assert "mine was chosen most: 60.0 % of 5 choices" in text
    assert "<img src=x" not in text
    assert "<script>alert" not in text
    figures = {path.name for path in (page.parent / "figures").iterdir()}
    assert figures == {"fig6.png", "fig7.png", "fig8.png", "fig9.png", "fig10.png"}
    tables = page.parent / "tables"
    rows = read_table(tables / "answers.csv")
    assert [row["chosen"] for row in rows] == ["mine", "mine", "mine", "theirs", "other"]
    assert set(rows[0]) == {"participant", "nationality", "dialect", "question", "record", "chosen", "shown"}
    assert next(row for row in read_table(tables / "questions.csv") if row["answer"] == HOSTILE)
    for path in tables.iterdir():
        for token in ("a", "b", "c"):
            assert token not in path.read_text(encoding="utf-8").split(",")


FORM = {
    "map.yaml": """
nationality: من أي بلد أنتم؟
dialect: اللغة
questions: {1: Q1, 2: Q2, 4: "Q4, النص"}
choices: {Model 1: mine, Model 2: theirs, Model 3: other}
nationalities: {المملكة العربية السعودية: Saudi Arabia}
order: [mine, theirs, other]
""",
    "form.csv": """
Timestamp,Username,من أي بلد أنتم؟,Q1,Q2,"Q4, النص",اللغة
2025/01/01,a@b.org,مصر,Model 1: أصفر,Model 2,توفير,"لا، لم أجد صعوبة، لكنني أفضّل لهجتي."
2025/01/01,c@d.org,المملكة العربية السعودية,Model 3,,,
2025/01/02,c@d.org,المملكة العربية السعودية,Model 3,,,
2025/01/02,,Atlantis,Model 9,Model 1,=HYPERLINK("x"),
2025/01/02,,مصر,,,,
2025/01/02,,مصر
""",
}


@pytest.fixture
def form(tmp_path: Path) -> Path:
    built(tmp_path)
    for name, text in FORM.items():
        (tmp_path / name).write_text(text.lstrip(), encoding="utf-8")
    return tmp_path


def test_an_exported_form_is_imported_once(form: Path) -> None:
    folder, words = form / "survey", (form / "survey", form / "form.csv", form / "map.yaml")
    result = survey("import", str(folder), str(words[1]), "--map", str(words[2]))
    assert result.returncode == 0, result.stderr
    assert "ain: survey: 6 rows, 3 kept (0 of them imported before), 3 rejected" in result.stderr
    assert (
        "row 5: rejected: nationality: “Atlantis” is no choice of the survey; question 1: “Model 9” is no"
        in result.stderr
    )
    rejected = read_table(folder / "rejected-form.csv")
    assert [row["row"] for row in rejected] == [5, 6, 7]
    assert rejected[1]["reasons"] == "no question is answered"
    answers = Answers(folder, read_survey(folder))
    assert [one.nationality for one in answers.participants()] == ["Egypt", "Saudi Arabia", "Saudi Arabia"]
    assert answers.chosen(0) == {1: "mine", 2: "theirs", 4: "theirs"}
    assert answers.participants()[0].dialect == "MSA fine, prefer dialect"
    assert {tuple(one.shown or ()) for one in answers.given()} == {("mine", "theirs", "other")}
    with words[1].open("a", encoding="utf-8") as file:
        file.write("2025/01/03,,مصر,Model 2,,,\n")
    assert import_form(*words) == {"rows": 7, "kept": 4, "repeated": 3, "rejected": 3}
    assert len(answers.participants()) == 4
    stored = b"".join(path.read_bytes() for path in folder.glob("answers.sqlite*"))
    assert b"a@b.org" not in stored
    assert b"2025/01" not in stored


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("questions: {9: Q1}", "questions: 9: choose among 1, 2, 3, 4"),
        ("questions: {1: Q1}\nchoices: {A: nobody}", "choices: nobody: choose among mine, theirs, other"),
        ("questions: {1: Q1}\norder: [mine]", "order: expected each of mine, theirs, other"),
        ("questions: {1: Q1}\ncolumns: 3", "columns: "),
        ("nationality: x", "questions: "),
        ("[", "broken YAML"),
    ],
)
def test_a_map_that_does_not_fit_is_refused(folder: Path, tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "map.yaml").write_text(line, encoding="utf-8")
    with pytest.raises(UserError, match=r"map\.yaml: ") as error:
        read_columns(tmp_path / "map.yaml", read_survey(folder))
    assert said in str(error.value)


def test_a_form_without_a_column_of_the_map_is_refused(form: Path) -> None:
    (form / "form.csv").write_text("A,B\n1,2\n", encoding="utf-8")
    with pytest.raises(UserError, match="its first row names no column"):
        import_form(form / "survey", form / "form.csv", form / "map.yaml")
