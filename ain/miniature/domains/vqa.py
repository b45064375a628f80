"""General VQA: coloured shapes in a two-by-two image; colour, shape, count, position, existence, description."""

from dataclasses import dataclass
from random import Random

from ain.miniature import canvas
from ain.miniature.grammar import (
    COLOURS,
    PLACES,
    SHAPES,
    Colour,
    Noun,
    Place,
    exists,
    how_many,
    some_places,
    the_thing,
    thing,
    whether,
)
from ain.miniature.scene import Question


@dataclass(frozen=True)
class Thing:
    shape: Noun
    colour: Colour
    place: Place


def imagine(random: Random) -> tuple[Thing, ...]:
    """Return two or three things in four places; some may share a shape, none share both shape and colour."""
    shapes = random.sample(SHAPES, random.randint(1, 3))
    kinds = random.sample([(shape, colour) for shape in shapes for colour in COLOURS], random.randint(2, 3))
    places = some_places(random, len(kinds))
    return tuple(Thing(shape, colour, place) for (shape, colour), place in zip(kinds, places, strict=True))


def draw(things: tuple[Thing, ...], sheet: canvas.Canvas) -> None:
    for one in things:
        sheet.shape(one.shape.english, one.colour.rgb, one.place.row, one.place.column)


def ask(things: tuple[Thing, ...], random: Random) -> list[Question]:
    questions = []
    for one in things:
        named, named_ar = the_thing(one.shape, one.colour)
        questions.append(
            Question("position", f"Where is {named}?", one.place.english, f"أين {named_ar}؟", one.place.arabic)
        )
        if sum(other.shape == one.shape for other in things) == 1:
            asked = (
                f"What colour is the {one.shape.english}?",
                one.colour.english,
                f"ما لون {one.shape.with_article()}؟",
                one.colour.masculine,
            )
            questions.append(Question("colour", *asked))
    for place in PLACES:
        english, arabic = next(
            (thing(one.shape, one.colour) for one in things if one.place == place), ("nothing", "لا شيء")
        )
        questions.append(
            Question(
                "description", f"What is at the {place.english}?", english, f"ماذا يوجد في {place.arabic}؟", arabic
            )
        )
    shape, colour = random.choice(SHAPES), random.choice(COLOURS)
    questions.append(how_many(sum(one.shape == shape for one in things), shape))
    present = any((one.shape, one.colour) == (shape, colour) for one in things)
    english, arabic = thing(shape, colour)
    questions.append(whether("existence", f"Is there {english}?", f"هل {exists(shape)} {arabic}؟", present))
    return questions


def free(things: tuple[Thing, ...]) -> list[tuple[int, int]]:
    taken = {one.place for one in things}
    return [(place.row, place.column) for place in PLACES if place not in taken]
