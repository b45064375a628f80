"""Medical: a grey scan with bright and dark spots of two sizes; kind, place, side, count."""

from dataclasses import dataclass
from random import Random

from ain.miniature import canvas
from ain.miniature.grammar import PLACES, SPOT, Place, how_many, some_places
from ain.miniature.scene import Question

SIZES = {"large": ("كبيرة", 8), "small": ("صغيرة", 4)}  # with their radius in pixels
SHADES = {"bright": ("مضيئة", 240), "dark": ("داكنة", 15)}


@dataclass(frozen=True)
class Spot:
    size: str
    shade: str
    place: Place

    def named(self) -> tuple[str, str]:
        return f"{self.size} {self.shade} spot", f"بقعة {SIZES[self.size][0]} {SHADES[self.shade][0]}"


def imagine(random: Random) -> tuple[Spot, ...]:
    places = some_places(random, random.randint(1, 3))
    return tuple(Spot(random.choice(list(SIZES)), random.choice(list(SHADES)), place) for place in places)


def draw(spots: tuple[Spot, ...], sheet: canvas.Canvas) -> None:
    sheet.ground((60, 60, 60))
    sheet.tissue((125, 125, 125))
    for spot in spots:
        shade = SHADES[spot.shade][1]
        sheet.spot((shade, shade, shade), SIZES[spot.size][1], spot.place.row, spot.place.column)


def ask(spots: tuple[Spot, ...], random: Random) -> list[Question]:
    questions = [how_many(len(spots), SPOT)]
    for spot in spots:
        (kind, kind_ar), here, here_ar = spot.named(), spot.place.english, spot.place.arabic
        asked = f"What is seen at the {here}?", f"ماذا يظهر في {here_ar}؟"
        questions.append(Question("description", asked[0], f"a {kind}", asked[1], kind_ar))
        if sum(other.named() == spot.named() for other in spots) == 1:
            definite = " ".join("ال" + word for word in kind_ar.split())
            questions.append(Question("position", f"Where is the {kind}?", here, f"أين {definite}؟", here_ar))
    left = sum(spot.place.column == 0 for spot in spots)
    sides = [("the right", "الأيمن"), ("neither", "لا فرق"), ("the left", "الأيسر")]
    more, more_ar = sides[1 + (2 * left > len(spots)) - (2 * left < len(spots))]
    questions.append(Question("side", "Which side has more spots?", more, "أي الجانبين فيه بقع أكثر؟", more_ar))
    return questions


def free(spots: tuple[Spot, ...]) -> list[tuple[int, int]]:
    taken = {spot.place for spot in spots}
    return [(place.row, place.column) for place in PLACES if place not in taken]
