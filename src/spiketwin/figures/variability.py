"""Trial-to-trial variability: its leading modes, noise correlations, separation of outcomes.

To be seen: as many modes carry the variability of simulated trials as of recorded ones, and pairs
of neurons are as correlated within and across areas.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from spiketwin.figures.layout import (
    legend,
    letters,
    page,
    plain_logarithm,
    say,
    shortened,
    spread_of,
    wrapped,
)
from spiketwin.figures.palette import DATA, GUIDE, Palette
from spiketwin.figures.source import Source

MODES = 10
MANY = 300
"""More points than this become a small image."""
UPRIGHT = 6
"""More labels than this stand upright."""


def variability(source: Source) -> Figure:
    """Modes and separation above, noise correlations below.

    Parameters
    ----------
    source : run with tables ``modes``, ``separation`` and ``correlations``.

    Returns
    -------
    figure.
    """
    palette = source.palette
    modes, pairs = source.table("modes"), source.table("correlations")
    separated = source.table("separation")
    figure = page(5.2)
    axes = figure.subplot_mosaic([["modes", "separation"], ["pairs", "pairs"]])
    leading_modes(axes["modes"], modes, palette)
    separation(axes["separation"], separated, palette)
    correlations(axes["pairs"], pairs, palette)
    legend(figure, palette, [*modes["contender"], *pairs["contender"]])
    return figure


def leading_modes(axes: Axes, rows: pd.DataFrame, palette: Palette) -> Axes:
    """Share of the variance of single-trial area activity in each principal mode.

    Parameters
    ----------
    axes : where.
    rows : table ``modes``.
    palette : colours of the contenders.
    """
    if rows.empty:
        return say(axes, "no modes: no area has enough units")
    rows = rows[rows["mode"] < rows["mode"].min() + MODES]
    for name in palette.order(rows["contender"])[::-1]:
        for _, line in rows[rows["contender"] == name].groupby("seed"):
            line = line.sort_values("mode")
            axes.plot(
                line["mode"] - rows["mode"].min() + 1, line["variance_fraction"], "o-",
                markersize=2.6, color=palette.contender(name), label=name,
            )  # fmt: skip
    axes.set_yscale("log")
    plain_logarithm(axes)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("mode of single-trial activity")
    axes.set_ylabel("share of variance")
    return axes


def separation(axes: Axes, rows: pd.DataFrame, palette: Palette) -> Axes:
    """How well outcomes can be told apart: a point per contender and seed.

    Parameters
    ----------
    axes : where.
    rows : table ``separation``.
    palette : colours of the contenders.
    """
    rows = rows[np.isfinite(rows["value"].astype(float))]
    if rows.empty:
        return say(axes, "no separation: fewer than two outcomes,\nor they cannot be read out")
    scores = list(rows["score"].unique())
    _points(axes, rows.rename(columns={"score": "kind"}), scores, palette)
    axes.set_ylabel("separation of outcomes")
    return axes


def correlations(axes: Axes, rows: pd.DataFrame, palette: Palette) -> Axes:
    """Mean noise correlation of pairs: a point per session, contender and seed.

    Parameters
    ----------
    axes : where.
    rows : table ``correlations``.
    palette : colours of the contenders.
    """
    if rows.empty:
        return say(axes, "no pairs of neurons")
    rows = rows.rename(columns={"mean": "value"})
    kinds = list(rows["kind"].unique())
    _points(axes, rows, kinds, palette)
    axes.axhline(0, color=GUIDE, linewidth=0.6, zorder=0)
    axes.set_ylabel("noise correlation")
    return axes


def _points(axes: Axes, rows: pd.DataFrame, kinds: list[str], palette: Palette) -> None:
    """Values of each kind beside each other, contender by contender; a bar at their mean."""
    contenders = palette.order(rows["contender"])
    places = dict(zip(contenders, spread_of(len(contenders), 0.75), strict=True))
    crowded = len(rows) > MANY
    for name in contenders:
        chosen, colour = rows[rows["contender"] == name], palette.contender(name)
        axes.plot(
            _abscissae(chosen, kinds, 0.5 / len(contenders)) + places[name], chosen["value"], "o",
            color=colour, alpha=0.6, label=name, rasterized=crowded,
            markersize=1 if crowded else 2.4,
        )  # fmt: skip
        means = chosen.groupby("kind", sort=False)["value"].mean()
        at = [kinds.index(kind) + places[name] for kind in means.index]
        axes.plot(at, means, "_", markersize=3 if crowded else 9, color=colour)
    _name_kinds(axes, kinds)
    if DATA in contenders:
        axes.margins(y=0.08)


def _abscissae(rows: pd.DataFrame, kinds: list[str], width: float) -> np.ndarray:
    """Place of each row: its kind, and beside the other rows of that kind."""
    place = np.zeros(len(rows))
    for at, kind in enumerate(kinds):
        chosen = (rows["kind"] == kind).to_numpy()
        place[chosen] = at + spread_of(int(chosen.sum()), width)
    return place


def _name_kinds(axes: Axes, kinds: list[str]) -> None:
    upright = len(kinds) > UPRIGHT
    fit = [shortened(kind, 24) if upright else wrapped(kind, letters(len(kinds))) for kind in kinds]
    axes.set_xticks(range(len(kinds)), fit, rotation=90 if upright else 0)
    axes.set_xlim(-0.5, len(kinds) - 0.5)
    for at in range(1, len(kinds)):
        axes.axvline(at - 0.5, color="#e6e6e6", linewidth=0.6, zorder=0)
