"""Activity of each area per outcome, recorded and simulated.

To be seen: the model's mean activity follows the recorded one in every area, also within each
outcome, where a model that only knows the average of all trials cannot.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spiketwin.figures.layout import (
    label_outside,
    legend,
    letters,
    mark_event,
    page,
    panels,
    say,
    wrapped,
)
from spiketwin.figures.palette import DATA, Palette
from spiketwin.figures.source import Source


def activity(source: Source) -> Figure:
    """A row per outcome, a column per area.

    Parameters
    ----------
    source : run with table ``activity``.

    Returns
    -------
    figure.
    """
    palette, table = source.palette, source.table("activity")
    table = table[table["contender"].isin([DATA, *palette.models])]
    outcomes = palette.order_outcomes(table["outcome"])
    areas = palette.order_areas(table["area"])
    figure = page(0.7 + 1.35 * max(len(outcomes), 1))
    axes = panels(figure, len(outcomes), len(areas), sharex="all", sharey="col")
    for row, outcome in zip(axes, outcomes, strict=False):
        for panel, area in zip(row, areas, strict=True):
            mean_activity(panel, _part(table, outcome, area), palette)
    _name(axes, outcomes, areas)
    legend(figure, palette, table["contender"])
    return figure


def mean_activity(axes: Axes, rows: pd.DataFrame, palette: Palette) -> Axes:
    """Mean activity over time; a band of one standard error around the data.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``activity`` of one area and one outcome.
    palette : colours of the contenders.
    """
    if rows.empty:
        return say(axes, "no trials")
    for name in palette.order(rows["contender"]):
        colour = palette.contender(name)
        for _, line in rows[rows["contender"] == name].groupby("seed"):
            line = line.sort_values("time_s")
            axes.plot(line["time_s"], line["mean_hz"], color=colour, label=name)
            if name == DATA:
                low, high = line["mean_hz"] - line["sem_hz"], line["mean_hz"] + line["sem_hz"]
                axes.fill_between(line["time_s"], low, high, color=colour, alpha=0.18, linewidth=0)
    axes.margins(x=0)
    mark_event(axes)
    return axes


def _part(table: pd.DataFrame, outcome: str, area: str) -> pd.DataFrame:
    return table[(table["outcome"] == outcome) & (table["area"] == area)]


def _name(axes: np.ndarray, outcomes: list[str], areas: list[str]) -> None:
    label_outside(axes, "time (s)", "")
    for panel, area in zip(axes[0], areas, strict=False):
        panel.set_title(wrapped(area, letters(len(areas))), fontweight="bold")
        panel.set_ylim(bottom=0)
    for row, outcome in zip(axes, outcomes, strict=False):
        name = "all trials" if outcome == "all" else outcome
        row[0].set_ylabel(f"{wrapped(name, 16)}\nrate (Hz)")
