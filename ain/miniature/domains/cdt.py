"""Charts and tables: two to four bars, or two rows of a colour and a number; values, extremes, count."""

from dataclasses import dataclass
from random import Random

from ain.miniature import canvas
from ain.miniature.grammar import BAR, COLOURS, ROW, Colour, how_many, the_thing
from ain.miniature.scene import Question
from ain.text.numbers import indic_digits


@dataclass(frozen=True)
class Entry:
    colour: Colour
    value: int


@dataclass(frozen=True)
class Chart:
    entries: tuple[Entry, ...]
    table: bool


def imagine(random: Random) -> Chart:
    """Return a chart or a table in which no two entries share a colour or a value."""
    table = random.random() < 0.3
    number = 2 if table else random.randint(2, 4)
    values = random.sample(range(1, 10 if table else 5), number)
    return Chart(tuple(map(Entry, random.sample(COLOURS, number), values)), table)


def draw(chart: Chart, sheet: canvas.Canvas) -> None:
    for i, entry in enumerate(chart.entries):
        if chart.table:
            sheet.shape("square", entry.colour.rgb, i, 0)
            sheet.digit(str(entry.value), (20, 20, 20), i, 1)
        else:
            sheet.bar(entry.colour.rgb, i, entry.value)


def ask(chart: Chart, random: Random) -> list[Question]:
    noun = ROW if chart.table else BAR
    questions = [] if chart.table else [how_many(len(chart.entries), noun)]  # a table always has two rows
    for entry in chart.entries:
        named, named_ar = the_thing(noun, entry.colour)
        value = str(entry.value), indic_digits(entry.value)
        questions.append(
            Question("value", f"What is the value of {named}?", value[0], f"ما قيمة {named_ar}؟", value[1])
        )
    ordered = sorted(chart.entries, key=lambda entry: entry.value)
    for entry, word, word_ar in ((ordered[0], "smallest", "الأصغر"), (ordered[-1], "largest", "الأكبر")):
        named, named_ar = the_thing(noun, entry.colour)
        asked = f"Which {noun.english} has the {word} value?", f"أي {noun.arabic} قيمته هي {word_ar}؟"
        questions.append(Question("extreme", asked[0], named, asked[1], named_ar))
    return questions


def free(chart: Chart) -> list[tuple[int, int]]:
    """Return the right-hand cells: what is added may cover bars or numbers."""
    return [(row, 1) for row in range(2)]
