"""Single trials in the plane of the first two principal components of the recorded features.

To be seen: simulated trials fill the same clouds as recorded ones, in the same shares.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spiketwin.figures.layout import page, panels, say, wrapped
from spiketwin.figures.palette import DATA, Palette
from spiketwin.figures.source import Source
from spiketwin.figures.style import WIDTH

COLUMNS = 4


def embedding(source: Source) -> Figure:
    """A panel for the data and one per model, in the same axes.

    Parameters
    ----------
    source : run with table ``embedding``.

    Returns
    -------
    figure.
    """
    palette, table = source.palette, source.shown("embedding")
    table = table[table["contender"].isin([DATA, *palette.models])]
    names = palette.order(table["contender"])
    columns = min(COLUMNS, max(len(names), 1))
    rows = -(-max(len(names), 1) // columns)
    side = min(WIDTH / columns, 2.6)
    figure = page(0.5 + side * rows)
    axes = panels(figure, rows, columns, sharex="all", sharey="all").ravel()
    if table.empty:
        say(axes[0], "no area has enough units for single-trial features")
    recorded = table[table["contender"] == DATA]
    for panel, name in zip(axes, names, strict=False):
        cloud(panel, table[table["contender"] == name], recorded, palette)
        panel.set_title(wrapped(name, 24), color=palette.contender(name), fontweight="bold")
        panel.set_xlabel("component 1")
    for panel in axes[len(names) :]:
        panel.axis("off")
    axes[0].set_ylabel("component 2")
    _outcome_legend(figure, table, palette)
    return figure


def cloud(axes: Axes, rows: pd.DataFrame, recorded: pd.DataFrame, palette: Palette) -> Axes:
    """Trials of one contender by outcome, recorded trials in grey behind them.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``embedding`` of one contender.
    recorded : rows of the data.
    palette : colours and markers of the outcomes.
    """
    axes.scatter(recorded["pc1"], recorded["pc2"], s=11, color="#d0d0d0", linewidth=0, zorder=0)
    for outcome in palette.order_outcomes(rows["outcome"]):
        part = rows[rows["outcome"] == outcome]
        axes.scatter(
            part["pc1"], part["pc2"], s=4, alpha=0.6, linewidth=0, label=outcome,
            color=palette.outcome(outcome), marker=palette.marker(outcome), rasterized=True,
        )  # fmt: skip
    axes.set_box_aspect(1)
    return axes


def _outcome_legend(figure: Figure, table: pd.DataFrame, palette: Palette) -> None:
    names = palette.order_outcomes(table["outcome"])
    unknown = "outcome not read out" if len(names) > 1 else "trial"
    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=palette.marker(name),
            color=palette.outcome(name),
            markersize=4,
            label=unknown if name == "all" else wrapped(name, 28),
        )
        for name in names
    ]
    if handles:
        figure.legend(handles=handles, loc="outside upper center", ncols=min(4, len(handles)))
