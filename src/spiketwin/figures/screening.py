"""Is there something to match? Properties of the recording alone, before any fit.

To be seen: variance of area activity above that of independent Poisson neurons (1), reliable
PSTHs, and trivial models whose energy distance is above the ceiling's spread. Where all this
fails, a skill says nothing about the model.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from spiketwin.analysis.screening import MATCHABLE
from spiketwin.figures.layout import (
    page,
    panels,
    round_numbers,
    say,
    shortened,
    spread_of,
    wrapped,
)
from spiketwin.figures.palette import GUIDE, Palette
from spiketwin.figures.source import Source

COLUMNS = 2
DISTANCE = "energy distance: "
"""Begins the quantities that name a trivial model."""
LINEAR = 0.01
"""Energy distances below it are shown on a linear scale."""
POOLED = "all areas"
UPRIGHT = 5
"""More labels than this stand upright ..."""
LETTERS = 40
"""... and fewer ones where their lines have more letters together."""


def screening(source: Source) -> Figure:
    """A panel per quantity.

    Parameters
    ----------
    source : run with table ``screening``.

    Returns
    -------
    figure.
    """
    palette, table = source.palette, source.table("screening")
    of_models = table["quantity"].str.startswith(DISTANCE)
    scales = list(table.loc[of_models, "scale"].unique())
    others = [name for name in table.loc[~of_models, "quantity"].unique() if name != MATCHABLE]
    count = len(others) + len(scales)
    rows = -(-max(count, 1) // COLUMNS)
    figure = page(0.3 + 1.75 * rows)
    axes = panels(figure, rows, COLUMNS).ravel()
    if table.empty:
        say(axes[0], "no session has enough units or trials to be screened")
    for panel, scale in zip(axes, scales, strict=False):
        distances(panel, table[of_models & (table["scale"] == scale)], palette)
        panel.set_title(f"{DISTANCE.rstrip(': ')}, {scale}", fontweight="bold")
    for panel, name in zip(axes[len(scales) :], others, strict=False):
        quantity(panel, table[table["quantity"] == name], palette)
        panel.set_title(wrapped(name, 52), fontweight="bold")
    for panel in axes[count:]:
        panel.axis("off")
    return figure


def distances(axes: Axes, rows: pd.DataFrame, palette: Palette) -> Axes:
    """Energy distance of trivial models and of the other half: a dot per session.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``screening`` of the energy distances at one time scale.
    palette : colours of the contenders.
    """
    contender = rows["quantity"].str.removeprefix(DISTANCE)
    names = palette.order(contender)
    for at, name in enumerate(names):
        part = rows[contender == name]
        axes.errorbar(
            at + spread_of(len(part), 0.6), part["value"], yerr=part["sd"].fillna(0), fmt="o",
            markersize=3, elinewidth=0.8, color=palette.contender(name), label=name,
        )  # fmt: skip
    axes.set_xticks(range(len(names)), [wrapped(name, 14) for name in names])
    largest = float(rows["value"].abs().max())
    if largest > LINEAR:
        axes.set_yscale("symlog", linthresh=LINEAR)
        axes.set_yticks(sorted({0.0, LINEAR, *round_numbers(LINEAR, largest).tolist()}))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.axhline(0, color=GUIDE, linewidth=0.6, zorder=0)
    return axes


def quantity(axes: Axes, rows: pd.DataFrame, palette: Palette) -> Axes:
    """One quantity: a dot per session with its spread, areas and time scales beside each other.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``screening`` of one quantity.
    palette : colours of the areas.
    """
    groups = _groups(rows, palette)
    for at, (area, scale) in enumerate(groups):
        part = rows[(rows["area"] == area) & (rows["scale"] == scale)]
        axes.errorbar(
            at + spread_of(len(part), 0.5), part["value"], yerr=part["sd"].fillna(0), fmt="o",
            markersize=3, elinewidth=0.8, color=palette.area(area) if area else "#333333",
        )  # fmt: skip
    labels = [_label(area, scale, False) for area, scale in groups]
    letters = sum(max(map(len, label.split("\n"))) for label in labels)
    upright = len(groups) > UPRIGHT or letters > LETTERS
    if upright:
        labels = [_label(area, scale, True) for area, scale in groups]
    axes.set_xticks(range(len(groups)), labels, rotation=90 if upright else 0)
    axes.set_xlim(-0.5, max(len(groups), 1) - 0.5)
    axes.axhline(_guide(str(rows["quantity"].iloc[0])), color=GUIDE, linewidth=0.6, zorder=0)
    return axes


def _groups(rows: pd.DataFrame, palette: Palette) -> list[tuple[str, str]]:
    areas, scales = palette.order_areas(rows["area"]), list(rows["scale"].unique())
    found = set(zip(rows["area"], rows["scale"], strict=True))
    return [(area, scale) for scale in scales for area in areas if (area, scale) in found]


def _label(area: str, scale: str, upright: bool) -> str:
    name = shortened(area or POOLED, 14) if upright else wrapped(area or POOLED, 13)
    return f"{name}{', ' if upright else chr(10)}{scale}" if scale else name


def _guide(quantity: str) -> float:
    """What independent Poisson neurons have: one for ratios to Poisson, else zero."""
    return 1.0 if "/ Poisson" in quantity or "over Poisson" in quantity else 0.0
