"""Panels on a page: grids, legends, long names, and what an empty panel says."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from spiketwin.figures.palette import GUIDE, Palette
from spiketwin.figures.style import WIDTH

EVENT_LINE = {"color": GUIDE, "linewidth": 0.6, "linestyle": (0, (3, 2)), "zorder": 0}


def page(height: float, width: float = WIDTH) -> Figure:
    """An empty page of this size in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def stack(page: Figure, heights: list[float]) -> list[SubFigure]:
    """Parts of a page, one below the other, with these relative heights."""
    return list(np.ravel(page.subfigures(len(heights), 1, height_ratios=heights)))  # type: ignore[arg-type]


def panels(
    page: Figure | SubFigure, rows: int, columns: int, sharex: str = "none", sharey: str = "none"
) -> np.ndarray:
    """Axes (row, column) on a page or a part of it."""
    return np.asarray(
        page.subplots(max(rows, 1), max(columns, 1), squeeze=False, sharex=sharex, sharey=sharey)  # type: ignore[arg-type, call-overload]
    )


def round_numbers(low: float, high: float) -> np.ndarray:
    """Ticks of a logarithmic axis between two positive numbers: decades, or more where few."""
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for steps in ((1.0,), (1.0, 3.0), (1.0, 2.0, 5.0)):
        found = np.outer(decades, steps).ravel()
        found = found[(found >= low) & (found <= high)]
        if len(found) > 1:
            break
    return found


def legend(page: Figure | SubFigure, palette: Palette, contenders: Iterable[str]) -> None:
    """Names and colours of contenders above the panels."""
    names = palette.order(contenders)
    handles = [
        Line2D([], [], color=palette.contender(name), linewidth=2, label=wrapped(name, 36))
        for name in names
    ]
    if handles:
        columns = 4 if max(map(len, names)) < 22 else 3
        page.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), columns))


def wrapped(name: str, width: int = 16) -> str:
    """A long name over several lines, broken at spaces and underscores, else anywhere."""
    lines = textwrap.wrap(name.replace("_", "_ "), width)
    return "\n".join(line.replace("_ ", "_") for line in lines) or name


def letters(columns: int) -> int:
    """How many letters of a title fit above one of so many columns."""
    return max(10, 88 // max(columns, 1))


def shortened(name: str, width: int = 16) -> str:
    """A long name in one line, its middle left out."""
    half = (width - 1) // 2
    return name if len(name) <= width else f"{name[:half]}…{name[-half:]}"


def say(axes: Axes, text: str) -> Axes:
    """An empty panel that says why it is empty."""
    axes.axis("off")
    axes.text(
        0.5, 0.5, wrapped(text, 34), ha="center", va="center", color="#666666",
        style="italic", transform=axes.transAxes,
    )  # fmt: skip
    return axes


def mark_event(axes: Axes) -> None:
    """A line at the alignment event."""
    axes.axvline(0.0, **EVENT_LINE)  # type: ignore[arg-type]


def label_outside(axes: np.ndarray, x: str, y: str) -> None:
    """Axis labels at the left and lower edge of a grid only."""
    for panel in axes[-1]:
        panel.set_xlabel(x)
    for panel in axes[:, 0]:
        panel.set_ylabel(y)


def name_rows(axes: np.ndarray, shown: list[str], palette: Palette) -> None:
    """Contenders in their colours at the left of a grid (row, column)."""
    for row, name in zip(axes, shown, strict=False):
        row[0].set_ylabel(wrapped(name, 16), color=palette.contender(name), fontweight="bold")


def plain_logarithm(axes: Axes) -> None:
    """Ticks 1, 2, 5 of each decade of a logarithmic y axis, in plain numbers."""
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def spread_of(count: int, width: float = 0.6) -> np.ndarray:
    """Offsets (count,) that put several marks beside each other around a tick."""
    return (np.arange(count) - (count - 1) / 2) * (width / max(count, 1))
