"""Put number words together: two, hundred, and, five → 205."""

from dataclasses import dataclass
from fractions import Fraction

from ain.text.number_words import Word


@dataclass
class Spelled:
    """A number in the making. Its value is `total`, of finished thousands and millions, plus `part`, which is below a
    thousand. A word that does not belong to it begins another number."""

    arabic: bool
    total: Fraction = Fraction(0)
    part: Fraction = Fraction(0)
    last: str = ""  # kind of the last word; "digits" at the start of "3 million"
    room: int = 1  # what is added now must be less
    scale: Fraction = Fraction(1)  # the last thousand or million
    words: int = 0
    other: Fraction | None = None
    certain: bool = True

    @property
    def value(self) -> Fraction:
        return self.total + self.part

    def take(self, word: Word, joined: bool) -> bool:
        """Add a word, `joined` by "and" or «و», if it continues the number; return whether it does."""
        if not self.words:
            if not word.starts:
                return False
            self._add(word)
            self.other, self.certain = word.other, word.certain
        elif not self._continue(word, joined):
            return False
        else:
            self.other, self.certain = None, True
        self.last = "part of scale" if word.kind == "fraction" and self.last == "scale" else word.kind
        self.words += 1
        return True

    def _add(self, word: Word) -> None:
        if (word.kind == "scale" and word.value > 100) or (word.kind == "hundreds" and word.room > 100):
            self.total += word.value
            self.scale = Fraction(word.room)
        else:
            self.part += word.value
        self.room = word.room

    def _continue(self, word: Word, joined: bool) -> bool:
        if word.kind == "fraction":
            return self._fraction(word, joined)
        if word.kind == "scale" and not joined and self._multiply(word):
            return True
        if word.kind in ("fraction", "decade") or not word.starts:
            return False
        if self._fits(word, joined):
            self._add(word)
            return True
        if not self.arabic and not joined and not self.total and 10 < self.part < 21 and word.kind in ("tens", "teen"):
            self.part = self.part * 100 + word.value  # a year: nineteen eighty-four
            self.room = word.room
            return True
        return False

    def _multiply(self, word: Word) -> bool:
        if self.last == "part of scale":  # «مليون ونصف المليون» names the million twice
            return word.value == self.scale
        if (
            not self.part
            or (word.value <= self.part and self.last == "scale")
            or (self.total and word.value >= self.scale)
        ):
            return False
        if word.value == 100 and self.part.denominator == 1:
            self.part *= 100
        else:
            self.total += self.part * word.value
            self.part, self.scale = Fraction(0), word.value
        self.room = word.room
        return True

    def _fits(self, word: Word, joined: bool) -> bool:
        if self.arabic:
            if self.last == "unit" and not joined:
                return word.kind == "ten" and word.value == 10 and self.value > 0
            if self.last == "unit" and word.kind == "tens":
                return True
            return joined and word.value < self.room
        return word.value < self.room and word.value > 0 and (not joined or self.last in ("scale", "hundreds"))

    def _fraction(self, word: Word, joined: bool) -> bool:
        if joined and self.last == "scale" and self.scale >= 1000:
            self.total += self.scale * word.value
        elif joined and self.last != "fraction":
            self.part += word.value
        elif not joined and self.last == "unit" and not self.total:
            self.part *= word.value
        else:
            return False
        self.room = 1
        return True
