"""Performance over the settings of sweeps (Kim & Chow 2018, Figs 6 and 7).

To be seen: over the synaptic time constant an inverted U, since fast synapses sample the spikes
badly and slow ones cannot track; the longest pattern that is learned grows with the neurons.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spiketwin.analysis.recall import AVERAGED, SINGLE
from spiketwin.analysis.sweeps import CAPACITY, WINDOW
from spiketwin.config import varied
from spiketwin.figures.layout import page, panels
from spiketwin.figures.palette import DATA_COLOUR
from spiketwin.figures.target_source import TargetSource

LOGARITHMIC = 10
"""Ratio of the largest to the smallest value from which on an axis is logarithmic."""


def sweeps(source: TargetSource) -> Figure:
    """A row per sweep: single-trial correlations, and capacities or trial-averaged correlations.

    Parameters
    ----------
    source : run with table ``sweeps``.

    Returns
    -------
    figure.
    """
    table, run = source.table("sweeps"), source.run
    figure = page(0.3 + 2.4 * len(run.sweeps))
    axes = panels(figure, len(run.sweeps), 2)
    for (left, right), (name, sweep) in zip(axes, run.sweeps.items(), strict=True):
        mine, keys = table[table["sweep"] == name], varied(sweep) or list(sweep)[:1]
        _lines(left, mine[mine["score"] == SINGLE], keys, SINGLE)
        left.set_title(name, fontweight="bold")
        if CAPACITY in set(mine["score"]):
            others = [key for key in keys if key != WINDOW] or [
                key for key in sweep if key != WINDOW
            ]
            title = f"longest window learned / tau\n(correlation {run.analysis.learned:g})"
            _lines(right, mine[mine["score"] == CAPACITY], others[:1], title)
        else:
            _lines(right, mine[mine["score"] == AVERAGED], keys, AVERAGED)
    return figure


def _lines(axes: Axes, rows: pd.DataFrame, keys: Sequence[str], label: str) -> None:
    """Values over the first setting, a line for every value of the second; dots are seeds."""
    axes.set_ylabel(label)
    if not keys:
        return
    x, others = keys[0], keys[1:]
    values = np.unique(rows[others[0]]) if others else [0.0]
    groups = [(value, rows[rows[others[0]] == value] if others else rows) for value in values]
    colours = colormaps["viridis"](np.linspace(0, 0.85, len(groups)))
    for (value, mine), colour in zip(groups, colours, strict=True):
        shade = colour if others else DATA_COLOUR
        mean = mine.groupby(x)["value"].mean()
        axes.plot(mean.index, mean, color=shade, label=f"{value:g}")
        axes.plot(mine[x], mine["value"], ".", color=shade, markersize=3)
    if others:
        axes.legend(title=others[0], fontsize="x-small", title_fontsize="x-small")
    _scale(axes, np.unique(rows[x]), x)


def _scale(axes: Axes, values: np.ndarray, name: str) -> None:
    """Ticks at the values of the sweep, logarithmic where they span a decade."""
    axes.set_xlabel(name)
    if values[0] > 0 and values[-1] >= LOGARITHMIC * values[0]:
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(values, [f"{value:g}" for value in values])
