"""Shared fluctuations over time lags, within areas and between areas recorded together.

To be seen: how strongly units of an area fluctuate together, how long that lasts, and which area
leads. A network that is balanced too tightly loses the fast peak at lag 0.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spiketwin.figures.layout import EVENT_LINE, legend, letters, page, panels, say, wrapped
from spiketwin.figures.palette import CEILING, DATA, GUIDE, Palette
from spiketwin.figures.source import Source

COLUMNS, PANELS = 4, 24


def covariances(source: Source) -> Figure:
    """A panel per area, then one per pair of areas recorded together.

    Parameters
    ----------
    source : run with table ``covariances``.

    Returns
    -------
    figure.
    """
    palette, table = source.palette, source.table("covariances")
    table = table[table["contender"].isin([DATA, *palette.models, CEILING])]
    pairs = _pairs(table, palette)[:PANELS]
    least = _largest(table)
    columns = min(COLUMNS, max(len(pairs), 1))
    figure = page(0.6 + 1.5 * -(-max(len(pairs), 1) // columns))
    axes = panels(figure, -(-len(pairs) // columns), columns).ravel()
    for panel, (first, second) in zip(axes, pairs, strict=False):
        rows = table[(table["first"] == first) & (table["second"] == second)]
        over_lags(panel, rows, palette, least)
        title = first if first == second else f"{first} → {second}"
        panel.set_title(wrapped(title, letters(columns)), fontweight="bold")
    for panel in axes[len(pairs) :]:
        say(panel, "" if pairs else "no area has enough units")
    across = any(first != second for first, second in pairs)
    figure.supxlabel(f"lag (ms{'; positive: the second area follows' if across else ''})")
    figure.supylabel("shared covariance")
    legend(figure, palette, table["contender"])
    return figure


def _pairs(table: pd.DataFrame, palette: Palette) -> list[tuple[str, str]]:
    """Areas in their order, then pairs of areas."""
    order = palette.order_areas([*table["first"], *table["second"]])
    found = {(str(a), str(b)) for a, b in zip(table["first"], table["second"], strict=True)}
    return sorted(found, key=lambda p: (p[0] != p[1], order.index(p[0]), order.index(p[1])))


def over_lags(axes: Axes, rows: pd.DataFrame, palette: Palette, least: float) -> Axes:
    """Covariance of one pair of areas over the lag: a line per contender and seed.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``covariances`` of the pair.
    palette : colours of the contenders.
    least : the axis has at least this much room where models need it.
    """
    same = (rows["first"] == rows["second"]).all()
    rows = rows[rows["lag_s"] >= -1e-9] if same else rows
    for name in palette.order(rows["contender"])[::-1]:
        for _, line in rows[rows["contender"] == name].groupby("seed"):
            line = line.sort_values("lag_s")
            axes.plot(
                1000 * line["lag_s"], line["covariance"], color=palette.contender(name),
                linewidth=1.6 if name == DATA else 1.0,
            )  # fmt: skip
    axes.axhline(0, color=GUIDE, linewidth=0.6, zorder=0)
    if not same:
        axes.axvline(0, **EVENT_LINE)  # type: ignore[arg-type]
    axes.set_ylim(*_limits(rows, least, palette.models[0]))
    return axes


def _largest(rows: pd.DataFrame, contender: str = DATA) -> float:
    """Largest covariance of a contender."""
    values = rows.loc[rows["contender"] == contender, "covariance"].to_numpy(dtype=float)
    return float(np.abs(values).max(initial=1e-3))


def _limits(rows: pd.DataFrame, least: float, first: str) -> tuple[float, float]:
    """Room for the first model and for twice the data; what leaves it has far too much."""
    values = rows["covariance"].to_numpy(dtype=float)
    most = max(2 * _largest(rows), least, _largest(rows, first))
    low, high = np.clip([values.min(initial=0.0), values.max(initial=0.0)], -most, most)
    margin = 0.08 * max(high - low, 1e-3)
    return float(low - margin), float(high + margin)
