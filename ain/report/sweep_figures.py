"""Draw what a sweep measured along one axis: bars for choices, a curve for numbers, with intervals and each seed."""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from matplotlib import pyplot as plt

from ain.report.figures import ACCENT, BAD, GOOD, INK, saved

COLOURS = (ACCENT, "#8d99a6", GOOD, BAD, "#6b46c1", "#b7791f")
WRAP = 34  # characters of a label in a line


class Point(NamedTuple):
    """A setting's value with its interval, and the value of each seed if there are several."""

    value: float
    low: float
    high: float
    seeds: tuple[float, ...] = ()


Side = Literal["left", "center", "right"]
Series = Mapping[str, Sequence[Point | None]]  # what is measured (a language) → a point for each value of the axis


def bars(labels: Sequence[str], series: Series, key: str, what: str, path: Path) -> str:
    _, axes = plt.subplots(figsize=(7, 0.32 * len(labels) * len(series) + 0.25 * len(labels) + 0.8))
    height = 0.8 / len(series)
    for number, ((name, points), colour) in enumerate(zip(series.items(), _colours(series), strict=True)):
        places = [place + (number - (len(series) - 1) / 2) * height for place in range(len(labels))]
        found = [(place, point) for place, point in zip(places, points, strict=True) if point]
        values = [point.value for _, point in found]
        axes.barh([place for place, _ in found], values, 0.9 * height, color=colour, label=name)
        for place, point in found:
            axes.plot((point.low, point.high), (place, place), color=INK, linewidth=1.2)
            axes.plot(point.seeds, [place] * len(point.seeds), "o", color=INK, markersize=3, fillstyle="none")
            right = max(point.value, point.high, *point.seeds)
            axes.annotate(_number(point.value), (right, place), (5, 0), textcoords="offset points", va="center")
    wrapped = [textwrap.fill(label, WRAP) for label in labels]
    axes.set(yticks=range(len(labels)), yticklabels=wrapped, ylabel=key, xlabel=what)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    return _finished(axes, series, path)


def curve(values: Sequence[float], series: Series, key: str, what: str, path: Path) -> str:
    """Draw the points over the numbers of the axis, on a logarithmic scale if these span more than a factor of eight."""
    _, axes = plt.subplots(figsize=(7, 3.2))
    logarithmic = min(values) > 0 and max(values) / min(values) > 8
    sides = _sides(np.log(values) if logarithmic else np.asarray(values))
    for number, ((name, points), colour) in enumerate(zip(series.items(), _colours(series), strict=True)):
        aside = 0.012 * (number - (len(series) - 1) / 2)  # or the intervals of two languages would hide each other
        places = [
            x * (max(values) / min(values)) ** aside if logarithmic else x + aside * np.ptp(values) for x in values
        ]
        found = [(x, point, side) for x, point, side in zip(places, points, sides, strict=True) if point]
        axes.plot([x for x, *_ in found], [p.value for _, p, _ in found], "-o", color=colour, markersize=5, label=name)
        for x, point, side in found:
            axes.plot((x, x), (point.low, point.high), color=colour, linewidth=1.2)
            axes.plot([x] * len(point.seeds), point.seeds, "o", color=colour, markersize=4, fillstyle="none")
            at, anchor = ((-6, 5), "right") if side == "right" else ((6, 5), "left")
            axes.annotate(_number(point.value), (x, point.value), at, textcoords="offset points", ha=anchor)
    if logarithmic:
        axes.set_xscale("log")
    axes.minorticks_off()
    axes.set(xticks=values, xticklabels=[f"{value:g}" for value in values], xlabel=key, ylabel=what)
    for label, side in zip(axes.get_xticklabels(), sides, strict=True):
        label.set_horizontalalignment(side)
    axes.margins(x=0.08, y=0.15)
    if all(point.low >= 0 for points in series.values() for point in points if point):
        axes.set_ylim(bottom=max(0, axes.get_ylim()[0]))
    return _finished(axes, series, path)


def _sides(places: np.ndarray) -> list[Side]:
    """Return how the text of each place is aligned: two that are close to each other move apart."""
    sides: list[Side] = ["center"] * len(places)
    order = np.argsort(places)
    for left, right in pairwise(order.tolist()):
        if places[right] - places[left] < 0.08 * np.ptp(places):
            sides[left], sides[right] = "right", "left"
    return sides


def _finished(axes: Any, series: Series, path: Path) -> str:
    if len(series) > 1:
        axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=min(4, len(series)))
    return saved(axes.figure, path)


def _colours(series: Series) -> list[str]:
    return [str(colour) for colour in np.resize(COLOURS, len(series))]


def _number(value: float) -> str:
    return (
        f"{value:,.0f}"
        if float(value).is_integer() and abs(value) > 100
        else f"{value:.3g}"
        if abs(value) < 1
        else f"{value:.1f}"
    )
