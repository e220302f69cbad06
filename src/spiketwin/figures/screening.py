"""Is there something to match? Properties of the recording alone, before any fit.

To be seen: variance of area activity above that of independent Poisson neurons (1), reliable
PSTHs, and trivial models whose energy distance is above the ceiling's spread. Where all this
fails, a skill says nothing about the model.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spiketwin.figures.layout import page, panels, say, shortened, spread_of, wrapped
from spiketwin.figures.source import Source
from spiketwin.figures.style import GUIDE, Palette

COLUMNS = 2
POOLED = "all areas"
UPRIGHT = 5
"""More labels than this stand upright."""


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
    quantities = list(table["quantity"].unique())
    columns = min(COLUMNS, max(len(quantities), 1))
    rows = -(-max(len(quantities), 1) // columns)
    figure = page(0.3 + 1.75 * rows)
    axes = panels(figure, rows, columns).ravel()
    if table.empty:
        say(axes[0], "no session has enough units or trials to be screened")
    for panel, name in zip(axes, quantities, strict=False):
        quantity(panel, table[table["quantity"] == name], palette)
        panel.set_title(wrapped(name, 52), fontweight="bold")
    for panel in axes[len(quantities) :]:
        panel.axis("off")
    return figure


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
    upright = len(groups) > UPRIGHT
    labels = [_label(area, scale, upright) for area, scale in groups]
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
