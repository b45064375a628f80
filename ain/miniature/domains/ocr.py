"""OCR: a two-digit number and a single Arabic word, written somewhere in the image."""

from dataclasses import dataclass
from random import Random

from ain.miniature import canvas
from ain.miniature.grammar import COLOURS, Colour
from ain.miniature.scene import Question
from ain.text.numbers import indic_digits

WORDS = {
    "book": "كتاب",
    "door": "باب",
    "sun": "شمس",
    "moon": "قمر",
    "house": "بيت",
    "pen": "قلم",
    "sea": "بحر",
    "road": "طريق",
    "coffee": "قهوة",
    "market": "سوق",
}


@dataclass(frozen=True)
class Sign:
    number: int
    number_colour: Colour
    word: str
    word_colour: Colour
    number_on_top: bool


def imagine(random: Random) -> Sign:
    first, second = random.sample(COLOURS, 2)
    return Sign(random.randint(10, 99), first, random.choice(list(WORDS)), second, random.random() < 0.5)


def draw(sign: Sign, sheet: canvas.Canvas) -> None:
    sheet.number(sign.number, sign.number_colour.rgb, row=0 if sign.number_on_top else 1)
    sheet.word(WORDS[sign.word], sign.word_colour.rgb, row=1 if sign.number_on_top else 0)


def ask(sign: Sign, random: Random) -> list[Question]:
    top, top_ar = ("the number", "العدد") if sign.number_on_top else ("the word", "الكلمة")
    return [
        Question(
            "number", "Which number is written?", str(sign.number), "ما العدد المكتوب؟", indic_digits(sign.number)
        ),
        Question(
            "first digit",
            "What is the first digit?",
            str(sign.number)[0],
            "ما الرقم الأول؟",
            indic_digits(sign.number)[0],
        ),
        Question(
            "last digit",
            "What is the last digit?",
            str(sign.number)[1],
            "ما الرقم الأخير؟",
            indic_digits(sign.number)[1],
        ),
        Question("word", "Which word is written?", sign.word, "ما الكلمة المكتوبة؟", WORDS[sign.word]),
        Question(
            "colour",
            "What colour is the number?",
            sign.number_colour.english,
            "ما لون العدد؟",
            sign.number_colour.masculine,
        ),
        Question(
            "colour", "What colour is the word?", sign.word_colour.english, "ما لون الكلمة؟", sign.word_colour.masculine
        ),
        Question("position", "What is written at the top?", top, "ماذا كُتب في الأعلى؟", top_ar),
    ]


def free(sign: Sign) -> list[tuple[int, int]]:
    """Return the word's cells: no cell is free, so what is added covers a part of the word."""
    return [(1 if sign.number_on_top else 0, column) for column in range(2)]
