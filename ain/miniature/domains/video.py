"""Video: three frames in which one thing moves or changes its colour; beginning, end, motion, difference, count."""

from dataclasses import dataclass
from random import Random

from ain.miniature import canvas
from ain.miniature.domains import vqa
from ain.miniature.grammar import COLOURS, PLACES, SHAPE, SHAPES, Colour, Noun, Place, how_many, moves, whether
from ain.miniature.scene import Question

TIMES = (0.0, 0.5, 1.0)  # of the frames
FPS = 2.0


@dataclass(frozen=True)
class Clip:
    """What changes, with its colours and places at the beginning and at the end; the others stay as they are."""

    shape: Noun
    colours: tuple[Colour, Colour]
    places: tuple[Place, Place]
    others: tuple[vqa.Thing, ...]


def imagine(random: Random) -> Clip:
    shape, *others = random.sample(SHAPES, random.randint(1, 3))
    first, second, *places = random.sample(PLACES, 2 + len(others))
    places.sort(key=PLACES.index)
    colour, changed = random.sample(COLOURS, 2)
    still = tuple(vqa.Thing(other, random.choice(COLOURS), place) for other, place in zip(others, places, strict=True))
    if random.random() < 0.6:
        return Clip(shape, (colour, colour), (first, second), still)
    return Clip(shape, (colour, changed), (first, first), still)


def draw(clip: Clip, sheet: canvas.Canvas) -> None:
    start, end = clip.places
    row, column = (a + (b - a) * sheet.time for a, b in ((start.row, end.row), (start.column, end.column)))
    sheet.shape(clip.shape.english, clip.colours[sheet.time > 0.5].rgb, row, column)
    vqa.draw(clip.others, sheet)


def ask(clip: Clip, random: Random) -> list[Question]:
    named, named_ar = f"the {clip.shape.english}", clip.shape.with_article()
    questions = [how_many(1 + len(clip.others), SHAPE, "المشهد")]
    for i, (when, when_ar) in enumerate((("at the beginning", "في البداية"), ("at the end", "في النهاية"))):
        place, colour = clip.places[i], clip.colours[i]
        asked = f"Where is {named} {when}?", f"أين {named_ar} {when_ar}؟"
        questions.append(Question("position", asked[0], place.english, asked[1], place.arabic))
        asked = f"What colour is {named} {when}?", f"ما لون {named_ar} {when_ar}؟"
        questions.append(Question("colour", asked[0], colour.english, asked[1], colour.masculine))
    moving = clip.places[0] != clip.places[1]
    changed = (f"the place of {named}", f"موضع {named_ar}") if moving else (f"the colour of {named}", f"لون {named_ar}")
    asked = "What differs between the first image and the last?", "ما الفرق بين الصورة الأولى والأخيرة؟"
    questions.append(Question("difference", asked[0], changed[0], asked[1], changed[1]))
    for shape, true in ((clip.shape, moving), *((other.shape, False) for other in clip.others[:1])):
        asked = f"Does the {shape.english} move?", f"هل {moves(shape)} {shape.with_article()}؟"
        questions.append(whether("motion", *asked, true))
    return questions


def free(clip: Clip) -> list[tuple[int, int]]:
    """Return the free cells; if there is none, all: what is added covers something."""
    taken = {*clip.places, *(other.place for other in clip.others)}
    return [(place.row, place.column) for place in PLACES if place not in taken or len(taken) == len(PLACES)]
