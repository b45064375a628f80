"""English and Arabic phrases built from the same facts, with correct Arabic gender, number and definiteness."""

from dataclasses import dataclass

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

PLACES = (
    Place("top left", "أعلى اليسار", 0, 0),
    Place("top right", "أعلى اليمين", 0, 1),
    Place("bottom left", "أسفل اليسار", 1, 0),
    Place("bottom right", "أسفل اليمين", 1, 1),
)

_NUMBERS = ("no", "one", "two", "three")


def thing(shape: Noun, colour: Colour) -> tuple[str, str]:
    """«a red circle», «دائرة حمراء»."""
    adjective = colour.feminine if shape.feminine else colour.masculine
    return f"a {colour.english} {shape.english}", f"{shape.arabic} {adjective}"


def the_thing(shape: Noun, colour: Colour) -> tuple[str, str]:
    """«the red circle», «الدائرة الحمراء»: the adjective also agrees with the noun in definiteness."""
    adjective = colour.feminine if shape.feminine else colour.masculine
    return f"the {colour.english} {shape.english}", f"ال{shape.arabic} ال{adjective}"


def exists(shape: Noun) -> str:
    """The verb agrees with what exists: يوجد مربع، توجد دائرة."""
    return "توجد" if shape.feminine else "يوجد"


def counted(number: int, shape: Noun) -> tuple[str, str]:
    """«three circles», «ثلاث دوائر»; two takes the dual, one a following adjective, zero a negated existence."""
    english = f"{_NUMBERS[number]} {shape.english}{'' if number == 1 else 's'}"
    if number == 0:
        return english, f"لا توجد {shape.plural}"
    if number == 1:
        return english, f"{shape.arabic} {'واحدة' if shape.feminine else 'واحد'}"
    if number == 2:
        return english, shape.dual
    return (
        english,
        f"{'ثلاث' if shape.feminine else 'ثلاثة'} {shape.plural}",
    )  # three takes the gender opposite to the noun's
