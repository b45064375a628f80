"""Cultural: flags of Arab countries, two or three per image, with their capitals. Drawn in simple form, emblems as dots."""

from dataclasses import dataclass
from random import Random

from ain.miniature import canvas
from ain.miniature.grammar import PLACES, Place, some_places
from ain.miniature.scene import Question


@dataclass(frozen=True)
class Flag:
    country: str
    country_ar: str
    capital: str
    capital_ar: str
    stripes: tuple[str, ...]  # top to bottom
    hoist: str | None = None  # colour of the triangle or band on the side of the pole
    emblem: str | None = None  # colour of the dot in the middle


FLAGS = (
    Flag("Egypt", "مصر", "Cairo", "القاهرة", ("red", "white", "black"), emblem="yellow"),
    Flag("Yemen", "اليمن", "Sanaa", "صنعاء", ("red", "white", "black")),
    Flag("Palestine", "فلسطين", "Jerusalem", "القدس", ("black", "white", "green"), hoist="red"),
    Flag("Sudan", "السودان", "Khartoum", "الخرطوم", ("red", "white", "black"), hoist="green"),
    Flag("Kuwait", "الكويت", "Kuwait City", "مدينة الكويت", ("green", "white", "red"), hoist="black"),
    Flag("Lebanon", "لبنان", "Beirut", "بيروت", ("red", "white", "red"), emblem="green"),
    Flag("Morocco", "المغرب", "Rabat", "الرباط", ("red",), emblem="green"),
    Flag("Somalia", "الصومال", "Mogadishu", "مقديشو", ("blue",), emblem="white"),
    Flag("Tunisia", "تونس", "Tunis", "تونس العاصمة", ("red",), emblem="white"),
    Flag("Saudi Arabia", "السعودية", "Riyadh", "الرياض", ("green",), emblem="white"),
)


@dataclass(frozen=True)
class Mast:
    flag: Flag
    place: Place


def imagine(random: Random) -> tuple[Mast, ...]:
    flags = random.sample(FLAGS, random.randint(2, 3))
    return tuple(Mast(flag, place) for flag, place in zip(flags, some_places(random, len(flags)), strict=True))


def draw(masts: tuple[Mast, ...], sheet: canvas.Canvas) -> None:
    for mast in masts:
        sheet.flag(mast.flag.stripes, mast.flag.hoist, mast.flag.emblem, mast.place.row, mast.place.column)


def ask(masts: tuple[Mast, ...], random: Random) -> list[Question]:
    questions = []
    for mast in masts:
        flag, here, here_ar = mast.flag, mast.place.english, mast.place.arabic
        capital = (
            f"What is the capital of the country at the {here}?",
            flag.capital,
            f"ما عاصمة الدولة التي علمها في {here_ar}؟",
            flag.capital_ar,
        )
        questions += [
            Question(
                "country",
                f"Which country has the flag at the {here}?",
                flag.country,
                f"علم أي دولة في {here_ar}؟",
                flag.country_ar,
            ),
            Question("capital", *capital),
            Question("position", f"Where is the flag of {flag.country}?", here, f"أين علم {flag.country_ar}؟", here_ar),
        ]
    return questions


def free(masts: tuple[Mast, ...]) -> list[tuple[int, int]]:
    taken = {mast.place for mast in masts}
    return [(place.row, place.column) for place in PLACES if place not in taken]
