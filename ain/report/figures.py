"""Draw the figures of the report, save them as PNG and return them as data URIs, so that a page can embed them.

Figures are drawn for twice the density of a screen, and pages show them on a white card at the size that they are drawn
for: text has 12 CSS pixels, in light and dark pages and on phones, where wide figures scroll.

matplotlib 3.11 shapes and orders Arabic text itself; its bundled font DejaVu Sans covers the script.
"""

import base64
import itertools
from io import BytesIO
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageFilter

from ain.metrics import detection
from ain.storage.files import replace_file

INK, GREY, GOOD, BAD, ACCENT = "#1f2933", "#b8c0c8", "#2f7d5b", "#c2483d", "#2b6cb0"
OTHERS = ("#c98a1b", "#7a5ea8", "#3f8f8a", "#a85e6e", "#6b7d2f")  # of further models
DENSITY = 192  # pixels an inch

plt.rcParams.update(
    {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": GREY,
        "text.color": INK,
    }
)


def inline(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def width(uri: str) -> int:
    """Return the width of an embedded figure in CSS pixels, of which an inch has 96."""
    image = Image.open(BytesIO(base64.b64decode(uri.partition(",")[2])))
    return round(image.width / image.info.get("dpi", (96, 96))[0] * 96)


def blurred(image: Image.Image) -> Image.Image:
    """Return the thumbnail so blurred that only colours remain."""
    return image.filter(ImageFilter.GaussianBlur(max(image.size) / 14))


def saved(figure: Figure, path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, lambda temporary: figure.savefig(temporary, format="png", dpi=DENSITY, bbox_inches="tight"))
    plt.close(figure)
    return inline(path.read_bytes())


def loss(rows: list[dict[str, Any]], held_out: dict[str, list[tuple[int, float]]], path: Path) -> str:
    """Draw the training loss, per step and smoothed, and the loss on held-out samples, by name → (step, loss)."""
    steps = [row["step"] for row in rows]
    values = np.array([row["loss"] for row in rows])
    figure, axes = plt.subplots(figsize=(7, 2.6))
    axes.plot(steps, values, color=GREY, linewidth=0.8)
    width = max(1, len(values) // 30)
    smooth = np.convolve(
        np.pad(values, (width // 2, width - 1 - width // 2), mode="edge"), np.ones(width) / width, mode="valid"
    )
    axes.plot(steps, smooth, color=ACCENT, linewidth=1.8, label="training")
    for marker, (name, points) in zip("osD^v", held_out.items(), strict=False):
        axes.plot(*zip(*points, strict=True), marker, color=BAD, markersize=5, fillstyle="none", label=name)
    axes.legend(frameon=False)
    axes.set(xlabel="step", ylabel="loss", ylim=(0, None))
    return saved(figure, path)


def heatmap(rows: list[dict[str, Any]], columns: list[str], path: Path) -> str:
    """Draw similarity over the probe pairs of Tables 6 to 8 (Fig. 14), by verifier, with mismatched pairs in red."""
    values = np.array([[row[column] for column in columns] for row in rows], dtype=float)  # None becomes NaN
    figure, axes = plt.subplots(figsize=(0.6 + 0.95 * len(columns), 0.29 * len(rows) + 1.1))
    axes.imshow(np.ma.masked_invalid(values), cmap="YlGnBu", vmin=0, vmax=1, aspect="auto")
    for y, x in np.ndindex(*values.shape):
        text = "–" if np.isnan(values[y, x]) else f"{values[y, x]:.2f}"
        axes.text(x, y, text, ha="center", va="center", color="white" if values[y, x] > 0.6 else INK)
    names = [column.replace(", ", ",\n") for column in columns]
    axes.set(xticks=range(len(columns)), xticklabels=names, yticks=[])
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    for y, row in enumerate(rows):  # each text by itself, or Arabic would reorder what stands beside it
        for key, points in (("pair", -8), ("translation", -38), ("original", -250)):
            place, colour = ("axes fraction", "data"), INK if row["correct"] else BAD
            beside = {"xytext": (points, 0), "textcoords": "offset points"}
            axes.annotate(str(row[key]), (0, y), xycoords=place, ha="right", va="center", color=colour, **beside)  # type: ignore[arg-type]
    for y, (one, other) in enumerate(itertools.pairwise(rows)):
        if one["group"] != other["group"]:
            axes.axhline(y + 0.5, color="white", linewidth=3)
    for group in dict.fromkeys(row["group"] for row in rows):
        places = [y for y, row in enumerate(rows) if row["group"] == group]
        axes.text(len(columns) - 0.4, sum(places) / len(places), group, va="center", color=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return saved(figure, path)


def curves(verifiers: dict[str, tuple[np.ndarray, np.ndarray]], threshold: float, path: Path) -> str:
    """Draw distributions, ROC and precision-recall curves (Fig. 15). verifiers: name → scores of good and of poor."""
    figure, panels = plt.subplots(1, 3, figsize=(10, 3))
    colours = [ACCENT, BAD, GOOD, "#b7791f", "#6b46c1", "#2c7a7b", INK, GREY]
    for (name, (good, poor)), colour in zip(verifiers.items(), itertools.cycle(colours), strict=False):
        bins = np.linspace(min(0.0, good.min(), poor.min()), 1, 41).tolist()
        panels[0].hist(good, bins=bins, histtype="step", color=colour, linewidth=1.6)
        panels[0].hist(poor, bins=bins, histtype="step", color=colour, linewidth=1.2, linestyle=":")
        panels[1].plot(*detection.roc(good, poor), color=colour, label=f"{name}: {detection.auc(good, poor):.3f}")
        precision, recall = detection.precision_recall(good, poor)
        label = f"{name}: {detection.average_precision(good, poor):.3f}"
        panels[2].plot(recall, precision, color=colour, label=label)
    panels[0].axvline(threshold, color=GREY, linewidth=1)
    panels[0].set(title="good (solid) and poor (dotted)", xlabel="score", ylabel="turns")
    panels[1].plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
    panels[1].set(title="ROC, area", xlabel="poor kept", ylabel="good kept")
    panels[2].set(title="precision and recall, area", xlabel="good kept", ylabel="good among the kept", ylim=(0, 1.03))
    for panel in panels[1:]:
        panel.legend(frameon=False, fontsize=8)
    figure.tight_layout()
    return saved(figure, path)


def similarity(groups: dict[str, list[float]], path: Path) -> str:
    figure, axes = plt.subplots(figsize=(7, 2.4))
    for name, values in sorted(groups.items()):
        axes.hist(
            values,
            bins=np.linspace(-0.6, 1, 65).tolist(),
            alpha=0.75,
            color=GOOD if name == "as translated" else BAD,
            label=name,
        )
    axes.set(xlabel="similarity of the worst turn", ylabel="records")
    axes.legend(frameon=False)
    return saved(figure, path)


def safety(rows: list[dict[str, Any]], path: Path) -> str:
    """Draw the percentage of images by rating and by category of unsafe content (Fig. 16)."""
    figure, axes = plt.subplots(figsize=(7, 0.32 * len(rows) + 0.6))
    colours = {"safe": GOOD, "unsafe": BAD}
    values = [row["percent"] for row in rows]
    axes.barh([row["what"] for row in rows], values, color=[colours.get(row["what"], GREY) for row in rows])
    for y, (value, row) in enumerate(zip(values, rows, strict=True)):
        axes.text(value, y, f" {value:.2f} %  ({row['images']:,})", va="center")
    axes.set(xlim=(0, 125), xticks=[])
    axes.spines["bottom"].set_visible(False)
    axes.invert_yaxis()
    return saved(figure, path)
