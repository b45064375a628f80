"""English and Arabic phrases built from the same facts, with correct Arabic gender, number and definiteness."""

from dataclasses import dataclass
from random import Random

from ain.miniature.scene import Question
from ain.text.arabic import FEMININE


@dataclass(frozen=True)
class Colour:
    """A colour adjective. The colour on its own («ما لونه؟ أحمر») is masculine."""

    english: str
    masculine: str
    feminine: str
    rgb: tuple[int, int, int]

    @property
    def dual(self) -> tuple[str, str]:
        """Masculine and feminine dual: أحمران، حمراوان."""
        if self.masculine.endswith("ي"):
            return self.masculine + "ان", self.masculine + "تان"
        return self.masculine + "ان", self.feminine.removesuffix("ء") + "وان"


@dataclass(frozen=True)
class Noun:
    english: str
    arabic: str
    plural: str
    feminine: bool

    @property
    def dual(self) -> str:
        return (self.arabic.removesuffix("ة") + "تان") if self.arabic.endswith("ة") else self.arabic + "ان"

    @property
    def accusative(self) -> str:
        """Indefinite singular after «كم»: the feminine ة takes no alif."""
        return self.arabic if self.arabic.endswith("ة") else self.arabic + "ًا"

    def with_article(self) -> str:
        return "ال" + self.arabic


@dataclass(frozen=True)
class Place:
    """One cell of the two-by-two image."""

    english: str
    arabic: str
    row: int
    column: int


@dataclass(frozen=True)
class Side:
    """An edge of the image."""

    english: str
    arabic: str


COLOURS = (
    Colour("red", "أحمر", FEMININE["أحمر"], (214, 40, 40)),
    Colour("blue", "أزرق", FEMININE["أزرق"], (38, 84, 214)),
    Colour("green", "أخضر", FEMININE["أخضر"], (30, 150, 60)),
    Colour("yellow", "أصفر", FEMININE["أصفر"], (240, 200, 20)),
    Colour("black", "أسود", FEMININE["أسود"], (20, 20, 20)),
    Colour("purple", "بنفسجي", FEMININE["بنفسجي"], (140, 50, 170)),
)

SHAPES = (
    Noun("circle", "دائرة", "دوائر", feminine=True),
    Noun("square", "مربع", "مربعات", feminine=False),
    Noun("triangle", "مثلث", "مثلثات", feminine=False),
    Noun("star", "نجمة", "نجوم", feminine=True),
)

BAR = Noun("bar", "عمود", "أعمدة", feminine=False)
ROW = Noun("row", "صف", "صفوف", feminine=False)
SHAPE = Noun("shape", "شكل", "أشكال", feminine=False)
SPOT = Noun("spot", "بقعة", "بقع", feminine=True)
SEEDLING = Noun("seedling", "شتلة", "شتلات", feminine=True)
HOUSE = Noun("house", "بيت", "بيوت", feminine=False)

PLACES = (
    Place("top left", "أعلى اليسار", 0, 0),
    Place("top right", "أعلى اليمين", 0, 1),
    Place("bottom left", "أسفل اليسار", 1, 0),
    Place("bottom right", "أسفل اليمين", 1, 1),
)

SIDES = (Side("left", "اليسار"), Side("right", "اليمين"), Side("top", "الأعلى"), Side("bottom", "الأسفل"))

_NUMBERS = ("no", "one", "two", "three", "four")
_WITH_PLURALS = {3: ("ثلاثة", "ثلاث"), 4: ("أربعة", "أربع")}  # before masculine and feminine nouns


def some_places(random: Random, number: int) -> list[Place]:
    """Draw places, in reading order, so that what is drawn alike has equal facts."""
    return sorted(random.sample(PLACES, number), key=PLACES.index)


def thing(shape: Noun, colour: Colour) -> tuple[str, str]:
    """«a red circle», «دائرة حمراء»."""
    adjective = colour.feminine if shape.feminine else colour.masculine
    return f"a {colour.english} {shape.english}", f"{shape.arabic} {adjective}"


def the_thing(shape: Noun, colour: Colour) -> tuple[str, str]:
    """«the red circle», «الدائرة الحمراء»: the adjective also agrees with the noun in definiteness."""
    adjective = colour.feminine if shape.feminine else colour.masculine
    return f"the {colour.english} {shape.english}", f"ال{shape.arabic} ال{adjective}"


def exists(noun: Noun) -> str:
    """The verb agrees with what exists: يوجد مربع، توجد دائرة."""
    return "توجد" if noun.feminine else "يوجد"


def moves(noun: Noun) -> str:
    """«يتحرك المربع», «تتحرك الدائرة»."""
    return "تتحرك" if noun.feminine else "يتحرك"


def counted(number: int, noun: Noun) -> tuple[str, str]:
    """«three circles», «ثلاث دوائر»; two takes the dual, one a following adjective, zero a negated existence."""
    english = f"{_NUMBERS[number]} {noun.english}{'' if number == 1 else 's'}"
    if number == 0:
        return english, f"لا توجد {noun.plural}"
    if number == 1:
        return english, f"{noun.arabic} {'واحدة' if noun.feminine else 'واحد'}"
    if number == 2:
        return english, noun.dual
    return english, f"{_WITH_PLURALS[number][noun.feminine]} {noun.plural}"  # the gender opposite to the noun's


def how_many(number: int, noun: Noun, where: str = "الصورة") -> Question:
    """Ask for a number; «كم» takes the singular in the accusative."""
    english, arabic = counted(number, noun)
    return Question(
        "count", f"How many {noun.english}s are there?", english, f"كم {noun.accusative} في {where}؟", arabic
    )


def whether(kind: str, english: str, arabic: str, true: bool) -> Question:
    """Ask a question of yes or no."""
    return Question(kind, english, "yes" if true else "no", arabic, "نعم" if true else "لا")
