"""Current that each area receives from each area in the course of a trial.

To be seen: which area drives which, and when; whether fits with other seeds agree on it.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spiketwin.figures.layout import label_outside, letters, mark_event, page, panels, wrapped
from spiketwin.figures.palette import Palette
from spiketwin.figures.source import Source

MOST_MODELS = 4


def currents(source: Source) -> Figure:
    """A row per model, a column per receiving area.

    Parameters
    ----------
    source : run with table ``currents``.

    Returns
    -------
    figure.
    """
    palette, table = source.palette, source.table("currents")
    models = palette.order(table["model"])[:MOST_MODELS]
    areas = palette.order_areas(table["target_area"])
    figure = page(0.6 + 1.5 * len(models))
    axes = panels(figure, len(models), len(areas), sharex="all", sharey="row")
    for row, model in zip(axes, models, strict=False):
        for panel, area in zip(row, areas, strict=True):
            rows = table[(table["model"] == model) & (table["target_area"] == area)]
            received(panel, rows, palette)
    label_outside(axes, "time (s)", "")
    for panel, area in zip(axes[0], areas, strict=True):
        panel.set_title(f"into {wrapped(area, letters(len(areas)))}", fontweight="bold")
    for row, model in zip(axes, models, strict=True):
        row[0].set_ylabel(
            f"{wrapped(model, 16)}\ncurrent (thresholds)", color=palette.contender(model)
        )
    handles = [Line2D([], [], color=palette.area(a), linewidth=2, label=f"from {a}") for a in areas]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(areas), 4))
    return figure


def received(axes: Axes, rows: pd.DataFrame, palette: Palette) -> Axes:
    """Net current over time, a line per source and seed.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``currents`` of one model and one receiving area.
    palette : colours of the areas.
    """
    net = rows.groupby(["source_area", "seed", "time_s"])["current"].sum().reset_index()
    for area in palette.order_areas(net["source_area"]):
        for _, line in net[net["source_area"] == area].groupby("seed"):
            axes.plot(line["time_s"], line["current"], color=palette.area(area), label=area)
    axes.axhline(0, color="#cccccc", linewidth=0.6, zorder=0)
    axes.margins(x=0)
    mark_event(axes)
    return axes
