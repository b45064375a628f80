"""Remote sensing: land from above, with a river, a road or both along its sides, and houses; sides, roofs, count."""

from dataclasses import dataclass
from random import Random

from ain.miniature import canvas
from ain.miniature.grammar import COLOURS, HOUSE, PLACES, SIDES, Colour, Place, Side, how_many, some_places
from ain.miniature.scene import Question

STRIPS = {"river": ("النهر", (60, 130, 230)), "road": ("الطريق", (70, 70, 75))}
ROOFS = tuple(colour for colour in COLOURS if colour.english in ("red", "yellow", "black", "purple"))


@dataclass(frozen=True)
class Roof:
    colour: Colour
    place: Place


@dataclass(frozen=True)
class Land:
    strips: tuple[tuple[str, Side], ...]
    roofs: tuple[Roof, ...]


def imagine(random: Random) -> Land:
    names = sorted(random.sample(list(STRIPS), random.randint(1, 2)))
    places = some_places(random, random.randint(1, 3))
    roofs = tuple(Roof(random.choice(ROOFS), place) for place in places)
    return Land(tuple(zip(names, random.sample(SIDES, len(names)), strict=True)), roofs)


def draw(land: Land, sheet: canvas.Canvas) -> None:
    sheet.ground((170, 205, 140))
    for name, side in land.strips:
        sheet.strip(STRIPS[name][1], side.english)
    for roof in land.roofs:
        sheet.house(roof.colour.rgb, roof.place.row, roof.place.column)


def ask(land: Land, random: Random) -> list[Question]:
    questions = [how_many(len(land.roofs), HOUSE)]
    for name, side in land.strips:
        asked = f"On which side is the {name}?", f"في أي جهة {STRIPS[name][0]}؟"
        questions.append(Question("side", asked[0], side.english, asked[1], side.arabic))
    for roof in land.roofs:
        colour, here, here_ar = roof.colour, roof.place.english, roof.place.arabic
        asked = f"What colour is the roof at the {here}?", f"ما لون السقف في {here_ar}؟"
        questions.append(Question("colour", asked[0], colour.english, asked[1], colour.masculine))
        if sum(other.colour == colour for other in land.roofs) == 1:
            asked = f"Where is the house with the {colour.english} roof?", f"أين البيت ذو السقف ال{colour.masculine}؟"
            questions.append(Question("position", asked[0], here, asked[1], here_ar))
    return questions


def free(land: Land) -> list[tuple[int, int]]:
    taken = {roof.place for roof in land.roofs}
    return [(place.row, place.column) for place in PLACES if place not in taken]
