"""Drawing for the miniature: a 56-pixel image of two by two cells."""

import math
from functools import lru_cache
from pathlib import Path
from random import Random

import matplotlib
from PIL import Image, ImageDraw, ImageFont

CELL = 28
SIZE = 2 * CELL
FLAG_COLOURS = {
    "red": (206, 17, 38),
    "white": (255, 255, 255),
    "black": (15, 15, 15),
    "green": (0, 122, 61),
    "blue": (65, 137, 221),
    "yellow": (192, 147, 0),
}

RGB = tuple[int, int, int]


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    """Return DejaVu Sans, which covers Arabic and comes with matplotlib, so that every machine draws the same pixels."""
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans-Bold.ttf"), size)


class Canvas:
    """A framed image being drawn. The random state shifts things by a pixel or two, so that no two images are alike.

    time: of a clip's frame, from 0 to 1.
    """

    def __init__(self, random: Random, time: float = 0.0) -> None:
        shade = random.randint(225, 250)
        self.random, self.time = random, time
        self.image = Image.new("RGB", (SIZE, SIZE), (shade, shade, random.randint(225, 250)))
        self.pen = ImageDraw.Draw(self.image)
        self.pen.rectangle(
            (0, 0, SIZE - 1, SIZE - 1), outline=(60, 60, 70), width=2
        )  # the corners help a small model to locate things

    def _centre(self, row: float, column: float) -> tuple[float, float]:
        return (column + 0.5) * CELL + self.random.randint(-2, 2), (row + 0.5) * CELL + self.random.randint(-2, 2)

    def shape(self, name: str, colour: RGB, row: float, column: float) -> None:
        """Draw a circle, square, triangle or star, about 20 pixels wide, in the given cell."""
        x, y = self._centre(row, column)
        radius = self.random.randint(9, 11)
        if name == "circle":
            self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
        elif name == "square":
            side = radius * 0.85
            self.pen.rectangle((x - side, y - side, x + side, y + side), fill=colour)
        else:
            corners = 3 if name == "triangle" else 10
            radii = [radius if corners == 3 or i % 2 == 0 else radius * 0.42 for i in range(corners)]
            turns = [2 * math.pi * i / corners - math.pi / 2 for i in range(corners)]
            self.pen.polygon(
                [(x + r * math.cos(t), y + r * math.sin(t)) for r, t in zip(radii, turns, strict=True)], fill=colour
            )

    def number(self, number: int, colour: RGB, row: int) -> None:
        """Draw a number of two digits, one in each cell of the row."""
        for column, digit in enumerate(str(number)):
            self.digit(digit, colour, row, column)

    def digit(self, digit: str, colour: RGB, row: int, column: int) -> None:
        self.pen.text(self._centre(row, column), digit, fill=colour, font=_font(22), anchor="mm")

    def word(self, word: str, colour: RGB, row: int) -> None:
        """Draw an Arabic word across the row."""
        (x, _), (_, y) = self._centre(row, 0), self._centre(row, 1)
        self.pen.text((x + CELL / 2, y), word, fill=colour, font=_font(18), anchor="mm", direction="rtl")

    def flag(self, stripes: tuple[str, ...], hoist: str | None, emblem: str | None, row: int, column: int) -> None:
        """Draw a flag of 23 by 16 pixels."""
        x, y = self._centre(row, column)
        left, top, right, bottom = x - 11, y - 8, x + 12, y + 8
        for i, name in enumerate(stripes):
            height = (bottom - top) / len(stripes)
            self.pen.rectangle((left, top + i * height, right, top + (i + 1) * height), fill=FLAG_COLOURS[name])
        if hoist:
            self.pen.polygon([(left, top), (left + 9, y), (left, bottom)], fill=FLAG_COLOURS[hoist])
        if emblem:
            self.pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=FLAG_COLOURS[emblem])
        self.pen.rectangle((left, top, right, bottom), outline=(120, 120, 120))

    def bar(self, colour: RGB, index: int, height: int) -> None:
        """Draw the bar of a chart, from the left; its height is 1 to 4 units of 12 pixels."""
        left, top = 3 + 13 * index, SIZE - 3 - 12 * height + self.random.randint(-1, 1)
        self.pen.rectangle((left, top, left + 9, SIZE - 3), fill=colour)

    def ground(self, colour: RGB) -> None:
        """Fill the image inside its frame."""
        self.pen.rectangle((2, 2, SIZE - 3, SIZE - 3), fill=colour)

    def tissue(self, colour: RGB) -> None:
        """Draw a large ellipse, such as a section of a body."""
        self.pen.ellipse(
            (3, 3 + self.random.randint(0, 3), SIZE - 4, SIZE - 4 - self.random.randint(0, 3)), fill=colour
        )

    def spot(self, colour: RGB, radius: int, row: int, column: int) -> None:
        """Draw a round spot, towards the middle of the image."""
        x, y = self._centre(0.1 + 0.8 * row, 0.1 + 0.8 * column)
        self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)

    def seedling(self, colour: RGB, spotted: bool, row: int, column: int) -> None:
        """Draw a stem with two leaves, with dark spots on them if it is spotted."""
        x, y = self._centre(row, column)
        self.pen.line((x, y, x, y + 11), fill=(110, 80, 40), width=3)
        for left in (x - 11, x + 1):
            self.pen.ellipse((left, y - 8, left + 10, y + 4), fill=colour)
            if spotted:
                self.pen.ellipse((left + 3, y - 5, left + 7, y + 1), fill=(50, 30, 20))

    def strip(self, colour: RGB, side: str) -> None:
        """Draw a river or a road, 8 pixels wide, along a side of the image."""
        near = 2 if side in ("left", "top") else SIZE - 10
        box = (near, 2, near + 7, SIZE - 3) if side in ("left", "right") else (2, near, SIZE - 3, near + 7)
        self.pen.rectangle(box, fill=colour)

    def house(self, colour: RGB, row: int, column: int) -> None:
        """Draw a roof from above, with its ridge, towards the middle of the image."""
        x, y = self._centre(0.15 + 0.7 * row, 0.15 + 0.7 * column)
        self.pen.rectangle((x - 7, y - 6, x + 7, y + 6), fill=colour, outline=(70, 70, 70))
        self.pen.line((x - 7, y, x + 7, y), fill=(70, 70, 70))

    def knife(self, row: int, column: int) -> None:
        x, y = self._centre(row, column)
        self.pen.polygon([(x - 11, y + 11), (x + 8, y - 11), (x + 3, y + 3)], fill=(170, 178, 186))
        self.pen.line((x - 11, y + 11, x - 5, y + 5), fill=(92, 58, 30), width=6)

    def fire(self, row: int, column: int) -> None:
        x, y = self._centre(row, column)
        self.pen.polygon(
            [
                (x - 9, y + 11),
                (x - 10, y),
                (x - 5, y + 3),
                (x, y - 12),
                (x + 4, y + 2),
                (x + 9, y - 3),
                (x + 9, y + 11),
            ],
            fill=(238, 110, 20),
        )
        self.pen.polygon([(x - 4, y + 11), (x, y + 1), (x + 5, y + 11)], fill=(250, 215, 60))

    def cigarette(self, row: int, column: int) -> None:
        x, y = self._centre(row, column)
        self.pen.line((x - 11, y + 6, x + 11, y + 6), fill=(245, 245, 245), width=6)
        self.pen.rectangle((x - 12, y + 3, x - 6, y + 8), fill=(214, 140, 60))
        self.pen.rectangle((x + 10, y + 3, x + 12, y + 8), fill=(220, 60, 30))
        self.pen.arc((x + 2, y - 12, x + 12, y + 3), 60, 300, fill=(130, 130, 130), width=2)
