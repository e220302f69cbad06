"""Distribution of the rates of single neurons, per area and cell type.

Mirrors figure 3B of Sourmpis et al. (2023), with the rates of the whole window. To be seen:
simulated neurons are as unequal as recorded ones, and inhibitory ones as much faster; a right mean
rate alone says neither.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from spiketwin.figures.layout import letters, name_rows, page, panels, round_numbers, say, wrapped
from spiketwin.figures.palette import CEILING, DATA, GUIDE, Palette
from spiketwin.figures.source import Source

BINS = 20
LEAST_HZ = 0.01
"""Neurons that are slower count in the first bin; nobody can tell in a few hundred trials."""
UPWARD = {"excitatory": 1.0, "inhibitory": -1.0}
"""Cell types, above and below the axis."""


def rates(source: Source) -> Figure:
    """A column per area, a row per model and one for the other half of the data.

    Parameters
    ----------
    source : run with table ``neurons``.

    Returns
    -------
    figure.
    """
    palette, table = source.palette, source.table("neurons")
    table = table[table["contender"].isin([DATA, *palette.models, CEILING])]
    shown = [name for name in palette.order(table["contender"]) if name != DATA]
    areas, edges = palette.order_areas(table["area"]), rate_edges(table["rate_hz"])
    figure = page(0.5 + 1.25 * max(len(shown), 1))
    axes = panels(figure, len(shown), len(areas), sharex="all", sharey="all")
    if table.empty:
        say(axes[0, 0], "no neurons")
    for column, area in zip(axes.T, areas, strict=False):
        rows = table[table["area"] == area]
        for panel, name in zip(column, shown, strict=True):
            rate_shares(panel, rows[rows["contender"].isin([DATA, name])], edges, palette)
        column[0].set_title(wrapped(area, letters(len(areas))), fontweight="bold")
    name_rows(axes, shown, palette)
    figure.supxlabel("rate of a neuron (Hz)")
    figure.supylabel("share of neurons (inhibitory: below)")
    return figure


def rate_shares(axes: Axes, rows: pd.DataFrame, edges: np.ndarray, palette: Palette) -> Axes:
    """Share of the neurons of a type in each bin: data filled, a contender as a line per seed.

    Excitatory neurons (and all of unknown type) stand above the axis, inhibitory ones below.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``neurons`` of one area: the data and one contender.
    edges : bin edges in hertz.
    palette : colours of the contenders.
    """
    for name in palette.order(rows["contender"]):
        filled = name == DATA
        colour = "#c9c9c9" if filled else palette.contender(name)
        for (kind, _), part in rows[rows["contender"] == name].groupby(["cell_type", "seed"]):
            values = part["rate_hz"].to_numpy(dtype=float)
            share = np.full(len(values), UPWARD.get(str(kind), 1.0) / len(values))
            axes.hist(
                np.clip(values, edges[0], edges[-1]), bins=list(edges), weights=share, label=name,
                histtype="stepfilled" if filled else "step", color=colour, linewidth=0.9,
            )  # fmt: skip
    axes.axhline(0, color=GUIDE, linewidth=0.6)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
    _logarithm(axes, edges)
    return axes


def rate_edges(values: pd.Series) -> np.ndarray:
    """Bin edges in equal ratios over all but the slowest half percent, (BINS + 1,) hertz."""
    heard = values[values >= LEAST_HZ]
    if heard.empty:
        return np.geomspace(LEAST_HZ, 100.0, BINS + 1)
    return np.geomspace(float(heard.quantile(0.005)), float(heard.max()) * 1.02, BINS + 1)


def _logarithm(axes: Axes, edges: np.ndarray) -> None:
    """Round numbers, written out."""
    axes.set_xscale("log")
    axes.set_xticks(round_numbers(float(edges[0]), float(edges[-1])))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
