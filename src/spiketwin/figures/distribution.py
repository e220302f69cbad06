"""Distribution of the peak activity of single trials, per area.

Mirrors figure 2 of Sourmpis et al. (2023). To be seen: where recorded trials fall into two groups
(an area responds or does not), so do simulated ones; a model of the average trial has one group.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spiketwin.analysis.references import PSTH
from spiketwin.figures.layout import letters, name_rows, page, panels, say, wrapped
from spiketwin.figures.palette import DATA, Palette
from spiketwin.figures.source import Source

BINS = 30


def distribution(source: Source) -> Figure:
    """A column per area, a row per model and one for the model of the average trial.

    Parameters
    ----------
    source : run with table ``peaks``.

    Returns
    -------
    figure.
    """
    palette, table = source.palette, source.table("peaks")
    shown = [name for name in palette.order(table["contender"]) if name in _shown(palette)]
    areas = palette.order_areas(table["area"])
    figure = page(0.5 + 1.25 * max(len(shown), 1))
    axes = panels(figure, len(shown), len(areas), sharex="col", sharey="col")
    if table.empty:
        say(axes[0, 0], "no area has enough units for single-trial activity")
    for column, area in zip(axes.T, areas, strict=False):
        rows = table[table["area"] == area]
        edges = peak_edges(rows["peak_hz"])
        for panel, name in zip(column, shown, strict=True):
            peaks(panel, rows[rows["contender"].isin([DATA, name])], edges, palette)
        column[0].set_title(wrapped(area, letters(len(areas))), fontweight="bold")
    name_rows(axes, shown, palette)
    figure.supxlabel("peak activity of a trial (Hz)")
    figure.supylabel("share of trials")
    return figure


def peaks(axes: Axes, rows: pd.DataFrame, edges: np.ndarray, palette: Palette) -> Axes:
    """Share of trials in each bin of peak activity: data filled, a model as a line per seed.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``peaks`` of one area: the data and one contender.
    edges : bin edges in hertz.
    palette : colours of the contenders.
    """
    for name in palette.order(rows["contender"]):
        seeds = rows[rows["contender"] == name].groupby("seed")
        width = 1.2 if len(seeds) == 1 else 0.7
        for _, part in seeds:
            values = part["peak_hz"].to_numpy(dtype=float)
            share = np.full(len(values), 1 / len(values))
            filled = name == DATA
            axes.hist(
                np.clip(values, edges[0], edges[-1]), bins=list(edges), weights=share, label=name,
                histtype="stepfilled" if filled else "step",
                color="#c9c9c9" if filled else palette.contender(name), linewidth=width,
            )  # fmt: skip
    return axes


def peak_edges(values: pd.Series) -> np.ndarray:
    """Bin edges from zero to all but the largest half percent of the peaks.

    Averages over some units are multiples of one spike of one unit; bins of as many of these each
    do not look like a comb."""
    highest = float(np.quantile(values, 0.995)) if len(values) else 1.0
    width, quantum = max(highest, 1e-3) * 1.02 / BINS, _quantum(values)
    first = 0.0
    if quantum > width / 8:
        width, first = quantum * np.ceil(width / quantum), -quantum / 2
    bins = int(np.ceil((max(highest, 1e-3) * 1.02 - first) / width - 1e-9))
    return np.asarray(first + width * np.arange(bins + 1))


def _quantum(values: pd.Series) -> float:
    """Most frequent distance of neighbouring frequent values, 0 of fewer than two."""
    known, times = np.unique(np.round(values, 4), return_counts=True)
    steps = np.diff(known[times >= times.max(initial=0) / 4])
    if not len(steps):
        return 0.0
    rounded, number = np.unique(np.round(steps, 2), return_counts=True)
    likely = np.abs(steps - rounded[number.argmax()]) < 0.01
    return float(steps[likely].mean())


def _shown(palette: Palette) -> set[str]:
    return {DATA, *palette.models, PSTH}
