"""OCR: a two-digit number and a single Arabic word, written somewhere in the picture."""

from dataclasses import dataclass
from random import Random

from ain.miniature import canvas
from ain.miniature.grammar import COLOURS, Colour, indic
from ain.miniature.scene import Question

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


def draw(sign: Sign, picture: canvas.Canvas) -> None:
    picture.number(sign.number, sign.number_colour.rgb, row=0 if sign.number_on_top else 1)
    picture.word(WORDS[sign.word], sign.word_colour.rgb, row=1 if sign.number_on_top else 0)


def ask(sign: Sign, random: Random) -> list[Question]:
    top, top_ar = ("the number", "العدد") if sign.number_on_top else ("the word", "الكلمة")
    return [
        Question("number", "Which number is written?", str(sign.number), "ما العدد المكتوب؟", indic(sign.number)),
        Question(
            "first digit", "What is the first digit?", str(sign.number)[0], "ما الرقم الأول؟", indic(sign.number)[0]
        ),
        Question(
            "last digit", "What is the last digit?", str(sign.number)[1], "ما الرقم الأخير؟", indic(sign.number)[1]
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
    """No cell is free: what is added covers a part of the word."""
    return [(1 if sign.number_on_top else 0, column) for column in range(2)]
