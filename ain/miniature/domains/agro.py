"""Agriculture: one to three seedlings in a field; colour of the leaves, spots on them, place, count."""

from dataclasses import dataclass
from random import Random

from ain.miniature import canvas
from ain.miniature.grammar import COLOURS, PLACES, SEEDLING, Colour, Place, how_many, some_places, whether
from ain.miniature.scene import Question

LEAVES = tuple(colour for colour in COLOURS if colour.english in ("red", "green", "yellow", "purple"))


@dataclass(frozen=True)
class Plant:
    leaves: Colour
    spotted: bool
    place: Place


def imagine(random: Random) -> tuple[Plant, ...]:
    places = some_places(random, random.randint(1, 3))
    return tuple(Plant(random.choice(LEAVES), random.random() < 0.5, place) for place in places)


def draw(plants: tuple[Plant, ...], sheet: canvas.Canvas) -> None:
    sheet.ground((214, 190, 150))
    for plant in plants:
        sheet.seedling(plant.leaves.rgb, plant.spotted, plant.place.row, plant.place.column)


def ask(plants: tuple[Plant, ...], random: Random) -> list[Question]:
    """Arabic treats leaves, a plural of things, as a feminine singular: «الأوراق الحمراء»."""
    questions = [how_many(len(plants), SEEDLING)]
    for plant in plants:
        leaves, here, here_ar = plant.leaves, plant.place.english, plant.place.arabic
        asked = f"What colour are the leaves at the {here}?", f"ما لون الأوراق في {here_ar}؟"
        questions.append(Question("colour", asked[0], leaves.english, asked[1], leaves.masculine))
        if sum(other.leaves == leaves for other in plants) == 1:
            asked = (
                f"Where is the seedling with {leaves.english} leaves?",
                f"أين الشتلة ذات الأوراق ال{leaves.feminine}؟",
            )
            questions.append(Question("position", asked[0], here, asked[1], here_ar))
    plant = random.choice(plants)
    asked = f"Do the leaves at the {plant.place.english} have spots?", f"هل على الأوراق في {plant.place.arabic} بقع؟"
    questions.append(whether("disease", *asked, plant.spotted))
    return questions


def free(plants: tuple[Plant, ...]) -> list[tuple[int, int]]:
    taken = {plant.place for plant in plants}
    return [(place.row, place.column) for place in PLACES if place not in taken]
