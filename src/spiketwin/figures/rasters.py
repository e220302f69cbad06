"""Rasters of single trials and PSTHs of example neurons, data and models side by side.

Mirrors figure 3 of Sourmpis et al. (2023). To be seen: simulated trials have the recorded rates,
the same response to the stimulus and as much trial-to-trial variability; PSTHs lie on the data's.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from spiketwin.figures.layout import (
    label_outside,
    legend,
    letters,
    mark_event,
    page,
    panels,
    say,
    stack,
    wrapped,
)
from spiketwin.figures.palette import DATA, Palette
from spiketwin.figures.source import Source

NEURONS = 6
"""Example neurons shown per area."""


def rasters(source: Source) -> Figure:
    """Rasters above, PSTHs below.

    Parameters
    ----------
    source : run with tables ``rasters`` and ``psths``.

    Returns
    -------
    figure.
    """
    palette = source.palette
    spikes, rates = source.shown("rasters"), source.shown("psths")
    names = palette.order(name for name in spikes["contender"] if _shown(palette, name))
    areas = palette.order_areas(rates["area"])
    figure = page(3.6 + 1.25 * max(len(areas), 1))
    upper, lower = stack(figure, [3.6, 1.25 * max(len(areas), 1)])
    _rasters(upper, spikes[spikes["contender"].isin(names)], names, palette)
    _psths(lower, rates, areas, palette)
    return figure


def raster(axes: Axes, spikes: pd.DataFrame, places: pd.Series, palette: Palette) -> Axes:
    """Spikes of one contender: trials below each other, units of a trial stacked by area.

    Parameters
    ----------
    axes : where.
    spikes : rows of table ``rasters`` of one contender.
    places : row of each unit within a trial, index ``unit``.
    palette : colours of the areas.
    """
    step = len(places) + max(3, len(places) // 12)
    trials = list(spikes["trial"].unique())
    offset = spikes["trial"].map({trial: k * step for k, trial in enumerate(trials)})
    height = offset + spikes["unit"].map(places)
    for area, rows in spikes.groupby("area", sort=False):
        axes.plot(
            rows["time_s"], height[rows.index], "|", rasterized=True,
            color=palette.area(str(area)), markersize=1.6, markeredgewidth=0.55,
        )  # fmt: skip
    for k in range(1, len(trials)):
        axes.axhline(k * step - (step - len(places) + 1) / 2, color="#dddddd", linewidth=0.6)
    axes.set_ylim(max(len(trials), 1) * step, -1)
    axes.set_yticks([k * step + len(places) / 2 for k in range(len(trials))])
    axes.set_yticklabels([str(k + 1) for k in range(len(trials))])
    mark_event(axes)
    return axes


def psth(axes: Axes, rates: pd.DataFrame, palette: Palette) -> Axes:
    """Trial-averaged rate of one neuron, data and models on top of each other.

    Parameters
    ----------
    axes : where.
    rates : rows of table ``psths`` of one neuron.
    palette : colours of the contenders.
    """
    for name in palette.order(rates["contender"]):
        rows = rates[rates["contender"] == name].sort_values("time_s")
        width = 1.4 if name == DATA else 1.0
        axes.plot(
            rows["time_s"], rows["rate_hz"], color=palette.contender(name), linewidth=width,
            label=name,
        )  # fmt: skip
    axes.set_ylim(bottom=0)
    axes.margins(x=0)
    mark_event(axes)
    return axes


def _shown(palette: Palette, contender: str) -> bool:
    return contender == DATA or contender in palette.models


def _rasters(part: SubFigure, spikes: pd.DataFrame, names: list[str], palette: Palette) -> None:
    axes = panels(part, 1, len(names), sharex="all")
    if spikes.empty:
        say(axes[0, 0], "no spikes to show")
        return
    places = _places(spikes, palette)
    for panel, name in zip(axes[0], names, strict=True):
        raster(panel, spikes[spikes["contender"] == name], places, palette)
        panel.set_title(
            wrapped(name, letters(len(names))), color=palette.contender(name), fontweight="bold"
        )
        panel.set_xlim(spikes["time_s"].min(), spikes["time_s"].max())
    label_outside(axes, "time (s)", "trial (units stacked by area)")
    handles = [
        Line2D([], [], color=palette.area(area), linewidth=2, label=wrapped(area, 24))
        for area in palette.order_areas(spikes["area"])
    ]
    part.legend(handles=handles, loc="outside upper center", ncols=min(6, len(handles)))


def _places(spikes: pd.DataFrame, palette: Palette) -> pd.Series:
    """Row of each unit: areas in the palette's order, then units by number."""
    units = spikes[["unit", "area"]].drop_duplicates()
    ranks = {area: k for k, area in enumerate(palette.order_areas(units["area"]))}
    units = units.assign(rank=units["area"].map(ranks)).sort_values(["rank", "unit"])
    return pd.Series(range(len(units)), index=units["unit"].to_numpy())


def _psths(part: SubFigure, rates: pd.DataFrame, areas: list[str], palette: Palette) -> None:
    rates = rates[[_shown(palette, name) for name in rates["contender"]]]
    axes = panels(part, len(areas), NEURONS, sharex="all")
    if rates.empty:
        say(axes[0, 0], "no PSTHs to show")
    for row, area in zip(axes, areas, strict=False):
        neurons = rates.loc[rates["area"] == area, "neuron"].unique()[:NEURONS]
        for panel, neuron in zip(row, neurons, strict=False):
            psth(panel, rates[rates["neuron"] == neuron], palette)
            panel.set_title(f"neuron {neuron}")
        for panel in row[len(neurons) :]:
            panel.axis("off")
        row[0].set_ylabel(f"{wrapped(area, 14)}\nrate (Hz)")
    for panel in axes[-1]:
        panel.set_xlabel("time (s)")
    legend(part, palette, rates["contender"])
