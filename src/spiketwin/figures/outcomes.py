"""How often each outcome occurs, read out in several ways, with binomial error bars.

To be seen: models within the recorded frequency's band by every read-out. A threshold alone can
agree by accident, which is why the template read-out stands beside it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spiketwin.figures.intervals import binomial_errors
from spiketwin.figures.layout import legend, page, panels, say, spread_of, wrapped
from spiketwin.figures.palette import DATA, Palette
from spiketwin.figures.source import Source

COLUMNS = 2


def outcomes(source: Source) -> Figure:
    """A panel per read-out.

    Parameters
    ----------
    source : run with table ``outcomes``.

    Returns
    -------
    figure.
    """
    palette, table = source.palette, source.table("outcomes")
    methods = list(table["method"].unique())
    columns = min(COLUMNS, max(len(methods), 1))
    rows = -(-max(len(methods), 1) // columns)
    figure = page(0.6 if table.empty else 0.9 + 1.9 * rows)
    axes = panels(figure, rows, columns, sharey="all").ravel()
    if table.empty:
        say(axes[0], "the outcomes of these trials cannot be read out")
        return figure
    for panel, method in zip(axes, methods, strict=False):
        frequencies(panel, table[table["method"] == method], palette)
        panel.set_title(f"by {method}", fontweight="bold")
    for panel in axes[len(methods) :]:
        panel.axis("off")
    for panel in axes[::columns]:
        panel.set_ylabel("share of trials")
    legend(figure, palette, table["contender"])
    return figure


def frequencies(axes: Axes, rows: pd.DataFrame, palette: Palette) -> Axes:
    """Frequency of each outcome: a point per contender and seed, a band for the data.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``outcomes`` of one method.
    palette : colours of the contenders.
    """
    names = [name for name in palette.order_outcomes(rows["outcome"]) if name != "all"]
    contenders = [name for name in palette.order(rows["contender"]) if name != DATA]
    places = dict(zip(contenders, spread_of(len(contenders), 0.7), strict=True))
    for at, outcome in enumerate(names):
        part = rows[rows["outcome"] == outcome]
        _data_band(axes, part[part["contender"] == DATA], at)
        for name in contenders:
            chosen = part[part["contender"] == name]
            offsets = at + places[name] + spread_of(len(chosen), 0.5 / len(contenders))
            axes.errorbar(
                offsets, chosen["frequency"], yerr=binomial_errors(chosen), fmt="o", markersize=3,
                color=palette.contender(name), elinewidth=0.9, label=name,
            )  # fmt: skip
    axes.set_xticks(range(len(names)), [wrapped(name, 40 // len(names) + 3) for name in names])
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(-0.02, 1.02)
    return axes


def _data_band(axes: Axes, rows: pd.DataFrame, at: int) -> None:
    span = np.array([at - 0.42, at + 0.42])
    for level, (below, above) in zip(rows["frequency"], binomial_errors(rows).T, strict=True):
        axes.fill_between(span, level - below, level + above, color="#e2e2e2", linewidth=0)
        axes.plot(span, [level, level], color="#111111", linewidth=1.2, label=DATA)
