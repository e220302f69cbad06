"""States of the animal that no outcome tells: how often, and what they do to the areas.

To be seen: the twin moves without need as often as the animal, and its areas follow alike.
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


def states(source: Source) -> Figure:
    """Share of active trials, and the difference of the rates by area.

    Parameters
    ----------
    source : run with table ``states``.

    Returns
    -------
    figure.
    """
    palette, table = source.palette, source.table("states")
    figure = page(2.2)
    left, right = panels(figure, 1, 2)[0]
    if table.empty:
        say(left, "behaviour shows no states besides the outcomes")
        right.axis("off")
        return figure
    share(left, table[table["quantity"] == "share active"], palette)
    differences(right, table[table["quantity"] == "rate difference"], palette)
    agreement = table[table["quantity"].str.startswith("adjusted Rand index")]
    for row in agreement.itertuples():
        left.set_title(f"{wrapped(str(row.quantity), 44)}: {row.value:.2f}")
    legend(figure, palette, table["contender"])
    return figure


def share(axes: Axes, rows: pd.DataFrame, palette: Palette) -> Axes:
    """Share of active trials: a mark per model and seed, a band for the data.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``states`` with the quantity "share active".
    palette : colours of the contenders.
    """
    data = rows[rows["contender"] == DATA]
    errors = binomial_errors(data.rename(columns={"value": "frequency"})).T
    for p, (below, above) in zip(data["value"], errors, strict=True):
        axes.axhspan(p - below, p + above, color="#dddddd", linewidth=0, zorder=0)
        axes.axhline(p, color=palette.contender(DATA), zorder=1)
    models = [name for name in palette.order(rows["contender"]) if name != DATA]
    for k, name in enumerate(models):
        values = rows.loc[rows["contender"] == name, "value"]
        axes.plot(np.full(len(values), k), values, "o", color=palette.contender(name), markersize=4)
    axes.set_xticks(range(len(models)), [wrapped(name, 12) for name in models])
    axes.set_xlim(-0.6, max(len(models), 1) - 0.4)
    # A band is an edge that autoscaling sticks to.
    highest = rows["value"].to_numpy(dtype=float).max(initial=0.1)
    axes.set_ylim(0, 1.12 * max(axes.get_ylim()[1], highest))
    axes.set_ylabel("share of active trials")
    return axes


def differences(axes: Axes, rows: pd.DataFrame, palette: Palette) -> Axes:
    """Rate in active minus rate in quiet trials, by area.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``states`` with the quantity "rate difference".
    palette : colours of the contenders, order of the areas.
    """
    areas, names = palette.order_areas(rows["area"]), palette.order(rows["contender"])
    for name, offset in zip(names, spread_of(len(names)), strict=True):
        mine = rows[rows["contender"] == name]
        x = mine["area"].map(areas.index) + offset
        axes.plot(x, mine["value"], "o", color=palette.contender(name), markersize=3.5)
    axes.axhline(0, color="#999999", linewidth=0.6, zorder=0)
    axes.set_xticks(range(len(areas)), [wrapped(area, 10) for area in areas])
    axes.set_ylabel("active minus quiet (Hz)")
    return axes
