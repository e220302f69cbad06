"""What a current into some neurons does to outcomes and to the activity of the areas.

To be seen: which outcome becomes rarer, and how far the effect reaches from the perturbed area.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from spiketwin.config import Perturbation
from spiketwin.figures.intervals import binomial_errors
from spiketwin.figures.layout import (
    label_outside,
    legend,
    letters,
    mark_event,
    page,
    panels,
    say,
    spread_of,
    stack,
    wrapped,
)
from spiketwin.figures.palette import Palette
from spiketwin.figures.source import Source

METHODS = ("lick classifier", "data threshold", "template", "published threshold")
"""Read-outs of the outcome, the first that the run has is shown."""
NONE = "none"


def perturbations(source: Source) -> Figure:
    """Changes of the outcomes; a row per perturbation with a column per area.

    Parameters
    ----------
    source : run with tables ``perturbed_outcomes`` and ``perturbed_activity``.

    Returns
    -------
    figure.
    """
    palette, courses = source.palette, source.table("perturbed_activity")
    given = source.config.analysis.perturbations
    figure = page(2.4 + 1.3 * len(given))
    top, below = stack(figure, [2.0, 0.3 + 1.3 * len(given)])
    _outcomes(top, source.table("perturbed_outcomes"), palette)
    areas = palette.order_areas(courses["area"])
    axes = panels(below, len(given), len(areas), sharex="all", sharey="col")
    for row, perturbation in zip(axes, given, strict=True):
        for panel, area in zip(row, areas, strict=True):
            effect(panel, courses[courses["area"] == area], perturbation, palette)
    label_outside(axes, "time (s)", "")
    for row, perturbation in zip(axes, given, strict=True):
        row[0].set_ylabel(f"{wrapped(perturbation.name, 16)}\nrate (Hz)")
    for panel in axes[0]:
        panel.set_ylim(bottom=0)
    for panel, area in zip(axes[0], areas, strict=True):
        panel.set_title(wrapped(area, letters(len(areas))), fontweight="bold")
    legend(figure, palette, courses["contender"])
    return figure


def _outcomes(part: SubFigure, table: pd.DataFrame, palette: Palette) -> None:
    methods = [method for method in METHODS if method in set(table["method"])]
    if not methods:
        say(panels(part, 1, 1)[0, 0], "the outcomes of these trials cannot be read out")
        return
    rows = table[(table["method"] == methods[0]) & (table["perturbation"] != NONE)]
    names = [name for name in palette.order_outcomes(rows["outcome"]) if name != "all"]
    axes = panels(part, 1, len(names), sharey="all")[0]
    for panel, outcome in zip(axes, names, strict=True):
        changes(panel, rows[rows["outcome"] == outcome], palette)
        panel.set_title(f"{outcome}, by {methods[0]}", fontweight="bold")
    axes[0].set_ylabel("change of the share\nof trials")


def changes(axes: Axes, rows: pd.DataFrame, palette: Palette) -> Axes:
    """Change of the frequency of one outcome by perturbation, a mark per model and seed.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``perturbed_outcomes`` of one outcome and read-out.
    palette : colours of the models.
    """
    names = list(dict.fromkeys(rows["perturbation"]))
    models = palette.order(rows["contender"])
    for model, offset in zip(models, spread_of(len(models)), strict=True):
        mine = rows[rows["contender"] == model]
        x = mine["perturbation"].map(names.index) + offset
        axes.errorbar(
            x, mine["change"], yerr=binomial_errors(mine), fmt="o", markersize=3, linewidth=0.8,
            color=palette.contender(model),
        )  # fmt: skip
    axes.axhline(0, color="#999999", linewidth=0.6, zorder=0)
    axes.set_xticks(range(len(names)), [wrapped(name, 14) for name in names])
    axes.set_xlim(-0.6, len(names) - 0.4)
    return axes


def effect(axes: Axes, rows: pd.DataFrame, perturbation: Perturbation, palette: Palette) -> Axes:
    """Mean activity of an area without and with the current.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``perturbed_activity`` of one area.
    perturbation : which one.
    palette : colours of the models.
    """
    axes.axvspan(*perturbation.window_s, color="#e4e4e4", linewidth=0, zorder=0)
    for name, style in ((NONE, (0, (3, 2))), (perturbation.name, "solid")):
        part = rows[rows["perturbation"] == name]
        for (model, _), line in part.groupby(["contender", "seed"], sort=False):
            colour = palette.contender(str(model))
            axes.plot(line["time_s"], line["mean_hz"], color=colour, linestyle=style)  # type: ignore[arg-type]
    axes.margins(x=0)
    mark_event(axes)
    return axes
