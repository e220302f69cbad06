"""Students and their teacher under the same perturbations, in the area that these do not reach.

Mirrors figure 2 of Sourmpis et al. (2026). To be seen: a student with the right mechanism stays at
the floor at every power, and its area responds as often as the teacher's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spiketwin.analysis.mechanism import OTHER, TEACHER
from spiketwin.analysis.perturbations import NONE
from spiketwin.config import Config, Perturbation
from spiketwin.figures.gallery import save_figure
from spiketwin.figures.layout import page, panels, plain_logarithm, say, wrapped
from spiketwin.figures.palette import DATA_COLOUR, GUIDE, Palette
from spiketwin.figures.source import Source
from spiketwin.figures.style import styled
from spiketwin.files import RunFiles

LEAST_CHANGE = 0.05
"""Of the axis: smaller changes are a few trials."""


def plot_mechanism(config: Config, files: RunFiles) -> None:
    """Write the figure ``mechanism`` of a run of students as PDF and SVG.

    Parameters
    ----------
    config, files : the students' run, with table ``mechanism``.
    """
    with styled():
        table = Source(config, files).table("mechanism")
        save_figure(mechanism(config, table), files, "mechanism")


def mechanism(config: Config, table: pd.DataFrame) -> Figure:
    """Distance and change of activity against power; a column per kind of cell and area.

    Parameters
    ----------
    config : the students' run.
    table : table ``mechanism``.

    Returns
    -------
    figure.
    """
    palette = Palette(models=tuple(config.models), areas=(), outcomes=())
    shown = _panels(config.analysis.perturbations, table)
    figure = page(4.4)
    axes = panels(figure, 2, len(shown), sharex="col", sharey="row")
    if not shown:
        say(axes[0, 0], "every area is perturbed itself")
    for (top, below), (given, area) in zip(axes.T, shown, strict=False):
        rows = table[table["area"] == area]
        against_power(top, rows, given, "distance", palette)
        against_power(below, rows, given, "change", palette)
        title = f"{given[0].cells} neurons of {given[0].area}, seen in {area}"
        top.set_title(wrapped(title, 88 // len(shown)), fontweight="bold")
        below.set_xlabel("current (thresholds are 0.1)")
    axes[0, 0].set_yscale("log")
    plain_logarithm(axes[0, 0])
    low, high = axes[1, 0].get_ylim()
    axes[1, 0].set_ylim(min(low, -LEAST_CHANGE), max(high, LEAST_CHANGE))
    axes[0, 0].set_ylabel("distance from the teacher")
    axes[1, 0].set_ylabel("change of the share of trials\nin which the area responds")
    _legend(figure, table, palette)
    return figure


def against_power(
    axes: Axes,
    rows: pd.DataFrame,
    given: Sequence[Perturbation],
    column: str,
    palette: Palette,
) -> Axes:
    """Means over seeds against the current, a line per contender; the band holds all seeds.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``mechanism`` of one area.
    given : perturbations of one kind of cells of one area.
    column : "distance" or "change".
    palette : colours of the students.
    """
    power = {NONE: 0.0} | {perturbation.name: perturbation.current for perturbation in given}
    rows = rows[rows["perturbation"].isin(power)]
    rows = rows.assign(power=rows["perturbation"].map(power))
    for name in _order(rows, palette):
        seeds = rows[rows["contender"] == name].pivot(index="power", columns="seed", values=column)
        axes.plot(seeds.index, seeds.mean(axis=1), marker=".", label=name, **_style(name, palette))
        if seeds.shape[1] > 1:
            low, high = seeds.min(axis=1), seeds.max(axis=1)
            colour = _style(name, palette)["color"]
            axes.fill_between(seeds.index, low, high, color=colour, alpha=0.2, linewidth=0)
    return axes


def _panels(
    given: Sequence[Perturbation], table: pd.DataFrame
) -> list[tuple[list[Perturbation], str]]:
    """Perturbations of the same cells, with every area that they do not reach."""
    groups: dict[tuple[str, str], list[Perturbation]] = {}
    for perturbation in given:
        groups.setdefault((perturbation.area, perturbation.cells), []).append(perturbation)
    areas = table["area"].unique()
    return [(same, area) for key, same in groups.items() for area in areas if area != key[0]]


def _order(rows: pd.DataFrame, palette: Palette) -> list[str]:
    """Students first, so that the teacher's line lies on top."""
    names = palette.order(rows["contender"])
    return sorted(names, key=lambda name: (name in (TEACHER, OTHER), name == TEACHER))


def _style(name: str, palette: Palette) -> dict[str, Any]:
    if name == TEACHER:
        return {"color": DATA_COLOUR}
    if name == OTHER:
        return {"color": GUIDE, "linestyle": "--"}
    return {"color": palette.contender(name)}


def _legend(figure: Figure, table: pd.DataFrame, palette: Palette) -> None:
    named = {TEACHER: "teacher (against itself)"}
    handles = [
        Line2D([], [], label=wrapped(named.get(name, name), 28), **_style(name, palette))
        for name in _order(table, palette)[::-1]
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 4))
