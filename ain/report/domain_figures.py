"""Draw the accuracy of all models by domain: as bars with intervals (Fig. 3 of the paper), and as a radar (Fig. 1).

A language has a panel of its own. Titles of domains are wrapped and get as much room as they need.
"""

import itertools
import math
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from ain.report.figures import ACCENT, GREY, INK, OTHERS, saved
from ain.text.languages import name as language_name
from ain.text.languages import right_to_left

FEWEST = 3  # domains of a radar: fewer make no polygon
WRAP = 14  # characters of a domain's title in a line
_CHARACTER = 0.085  # inches

Rows = list[dict[str, Any]]


def accuracy(rows: Rows, path: Path) -> str:
    """Draw bars for each domain, and for all together. Hollow marks: with another question's image."""
    languages = list(dict.fromkeys(row["language"] for row in rows))
    domains = [d for d in dict.fromkeys(row["domain"] for row in rows) if d != "all"] + ["all"]
    models = _models(rows)
    titles = [_wrapped(domain) for domain in domains]
    widest = max(len(line) for title in titles for line in title.split("\n"))
    wide = max(3.6, max(0.32 * len(models), _CHARACTER * widest + 0.1) * len(domains) + 1)
    figure, panels = plt.subplots(1, len(languages), figsize=(wide * len(languages), 2.8), sharey=True, squeeze=False)
    for axes, language in zip(panels[0], languages, strict=True):
        for offset, (model, colour) in enumerate(models.items()):
            of = [row for row in rows if (row["language"], row["model"]) == (language, model)]
            place = (offset - (len(models) - 1) / 2) * 0.78 / len(models)
            _bars(
                axes, of, {domain: at + place for at, domain in enumerate(domains)}, 0.74 / len(models), model, colour
            )
        axes.set(title=language_name(language), xticks=range(len(domains)), xticklabels=titles, ylim=(0, 100))
    panels[0][0].set_ylabel("accuracy, %")
    handles = dict(zip(*reversed(panels[0][-1].get_legend_handles_labels()), strict=True))
    panels[0][-1].legend(handles.values(), handles, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return saved(figure, path)


def _bars(axes: Any, of: Rows, places: dict[str, float], width: float, model: str, colour: str) -> None:
    shown = [row for row in of if row["images"] == "shown"] or of
    heights, low, high = ([row[key] for row in shown] for key in ("accuracy", "low", "high"))
    errors = [np.subtract(heights, low), np.subtract(high, heights)]
    line = {"ecolor": INK, "elinewidth": 0.8}
    at = [places[row["domain"]] for row in shown]
    axes.bar(at, heights, width, yerr=errors, color=colour, error_kw=line, label=model)
    if shuffled := [row for row in of if row["images"] == "shuffled"]:
        at, heights = [places[row["domain"]] for row in shuffled], [row["accuracy"] for row in shuffled]
        axes.scatter(at, heights, s=18, facecolor="white", edgecolor=INK, zorder=3, label="wrong image")


def radar(rows: Rows, path: Path) -> str | None:
    """Draw it, with the right images, for the languages with at least three domains; None if there are none."""
    rows = [row for row in rows if row["images"] == "shown" and row["domain"] != "all"]
    models = _models(rows)
    domains, found = (dict.fromkeys(row[key] for row in rows) for key in ("domain", "language"))
    asked = {(row["language"], row["domain"]) for row in rows}
    spokes = {language: [domain for domain in domains if (language, domain) in asked] for language in found}
    spokes = {language: of for language, of in spokes.items() if len(of) >= FEWEST}
    if not spokes:
        return None
    size = (4.6 * len(spokes), 3.8)
    figure, panels = plt.subplots(1, len(spokes), figsize=size, squeeze=False, subplot_kw={"projection": "polar"})
    figure.subplots_adjust(wspace=0.9)
    for axes, (language, titles) in zip(panels[0], spokes.items(), strict=True):
        angles = np.linspace(0, 2 * math.pi, len(titles), endpoint=False)
        for model, colour in models.items():
            of = {r["domain"]: r["accuracy"] for r in rows if (r["language"], r["model"]) == (language, model)}
            values = [of.get(title, math.nan) for title in titles]
            closed = [*angles, angles[0]], [*values, values[0]]
            axes.plot(*closed, color=colour, linewidth=1.8, label=model)
            axes.fill(*closed, color=colour, alpha=0.08)
        _labelled(axes, angles, titles, language)
    handles = panels[0][0].get_lines()
    figure.legend(
        handles=handles, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=min(4, len(models))
    )
    return saved(figure, path)


def _labelled(axes: Any, angles: Any, domains: list[str], language: str) -> None:
    """Put the titles of domains around, away from the circle, and the first one on top."""
    axes.set_theta_offset(math.pi / 2)
    axes.set_theta_direction(-1)
    axes.set(ylim=(0, 100), xticks=angles, yticks=[25, 50, 75, 100])
    axes.set_xticklabels([""] * len(domains))
    axes.tick_params(axis="y", labelsize=7, labelcolor=INK)
    axes.spines["polar"].set_color(GREY)
    axes.grid(color=GREY, linewidth=0.6)
    axes.set_title(language_name(language), pad=22 + 13 * (_wrapped(domains[0]).count("\n") + 1))
    for angle, domain in zip(angles, domains, strict=True):
        across, up = math.sin(angle), math.cos(angle)
        side = "center" if abs(across) < 0.2 else "left" if across > 0 else "right"
        height = "bottom" if up > 0.5 else "top" if up < -0.5 else "center"
        lines = "right" if right_to_left(domain) and side != "center" else side
        axes.text(angle, 108, _wrapped(domain), ha=side, va=height, multialignment=lines, parse_math=False)


def _models(rows: Rows) -> dict[str, str]:
    """Return model → its colour: the one before training first and grey, the tuned one last."""
    names = sorted(dict.fromkeys(row["model"] for row in rows), key=lambda model: (model != "base", model == "tuned"))
    first = itertools.chain([GREY], itertools.cycle(OTHERS))
    return dict(zip(names, [*itertools.islice(first, len(names) - 1), ACCENT], strict=True))


def _wrapped(title: str) -> str:
    return textwrap.fill(title, WRAP, break_long_words=False)
