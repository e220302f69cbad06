"""Figures of a run on given targets: how learning went, how well each cell follows, some cells.

To be seen: error falls and correlation rises while the rate stays where it was; averages over
trials follow their targets (black) although single trials scatter around them.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spiketwin.config import TargetRun
from spiketwin.errors import SpiketwinError
from spiketwin.figures.catalogue import target_figures
from spiketwin.figures.gallery import save_figure
from spiketwin.figures.layout import legend, page, panels, say
from spiketwin.figures.lesions import lesions
from spiketwin.figures.palette import DATA_COLOUR, GUIDE, Palette
from spiketwin.figures.style import styled
from spiketwin.figures.sweeps import sweeps
from spiketwin.figures.target_source import TargetSource
from spiketwin.figures.training import curve
from spiketwin.files import RunFiles

CURVES = {
    "loss_neuron": "squared error while learning",
    "correlation": "trial-averaged correlation",
    "rate_hz": "mean rate (Hz)",
    "weight_change": "change of the weights",
    "gain": "largest gain of a sample",
}


def plot_targets(run: TargetRun, files: RunFiles, names: list[str]) -> None:
    """Draw figures of a run on given targets.

    Raises
    ------
    SpiketwinError
        When there is no such figure, or a table it needs has not been made.
    """
    known = target_figures(run)
    for name in names or known:
        if name not in known:
            raise SpiketwinError(
                f"no figure {name!r} in run {run.run!r}; figures: {', '.join(known)}"
            )
        with styled():
            save_figure(FIGURES[name](TargetSource(run, files)), files, name)


def learning(source: TargetSource) -> Figure:
    """A panel per quantity, a line per model and seed."""
    history, palette = source.histories(), source.palette
    figure = page(3.9)
    axes = panels(figure, 2, 3).ravel()
    for panel, (column, title) in zip(axes, CURVES.items(), strict=False):
        curve(panel, history, column, palette)
        panel.set_title(title, fontweight="bold")
        panel.set_xlabel("loop")
    axes[-1].axis("off")
    legend(figure, palette, history["contender"])
    return figure


def recall(source: TargetSource) -> Figure:
    """Correlations of all trained cells, single trials and averages, as cumulative shares."""
    table, palette = source.table("tracking"), source.palette
    table = table[~table["auxiliary"] & table["model"].isin(source.run.named)]
    figure = page(2.6)
    axes = panels(figure, 1, 2, sharey="all")
    for panel, (column, title) in zip(
        axes.ravel(),
        {"single": "single trials", "averaged": "average over trials"}.items(),
        strict=True,
    ):
        for model in palette.order(table["model"]):
            for _, cells in table[table["model"] == model].groupby("seed"):
                _cumulative(panel, cells[column].to_numpy(), palette.contender(model))
        panel.set_title(title, fontweight="bold")
        panel.set_xlabel("correlation of a cell with its target")
        panel.set_xlim(-1, 1)
    axes[0, 0].set_ylabel("share of the cells below")
    legend(figure, palette, table["model"])
    return figure


def _cumulative(axes: Axes, values: np.ndarray, colour: str) -> None:
    values = np.sort(values[np.isfinite(values)])
    if not len(values):
        say(axes, "no cell varies")
        return
    axes.plot(values, np.linspace(0, 1, len(values)), color=colour)
    axes.axvline(float(np.median(values)), color=colour, linewidth=0.6, linestyle=":")


def trajectories(source: TargetSource) -> Figure:
    """Some cells of the first model and seed: target, average, one trial; a row per condition."""
    table = source.table("trajectories")
    model, seed = next(iter(source.run.models)), source.run.seeds[0]
    table = table[(table["model"] == model) & (table["seed"] == seed)]
    cells, conditions = table["cell"].unique(), table["condition"].unique()[:3]
    columns = min(4, len(cells))
    per_condition = -(-len(cells) // columns)
    figure = page(0.5 + 1.2 * per_condition * len(conditions))
    axes = panels(figure, per_condition * len(conditions), columns, sharex="all")
    panels_of = axes.ravel()
    width = per_condition * columns
    for (c, condition), (k, cell) in product(enumerate(conditions), enumerate(cells)):
        panel = panels_of[c * width + k]
        rows = table[(table["condition"] == condition) & (table["cell"] == cell)]
        _courses(panel, rows, source.palette.contender(model))
        panel.set_title(f"cell {cell}" + (f", {condition}" if len(conditions) > 1 else ""))
    for k in range(len(panels_of)):
        if k % width >= len(cells):
            panels_of[k].axis("off")
    figure.supxlabel("time in the window (s)")
    figure.supylabel("input")
    figure.legend(loc="outside upper center", ncols=3, handles=_handles(source.palette, model))
    return figure


def divergence(source: TargetSource) -> Figure:
    """What one spike less changes in the input of all neurons, before and after learning."""
    table, palette = source.table("divergence"), source.palette
    table = table[table["model"].isin(source.run.named)]
    figure = page(2.6, 4.2)
    axes = panels(figure, 1, 1)[0, 0]
    for (model, _, stage), rows in table.groupby(["model", "seed", "stage"], sort=False):
        line = "-" if stage == "after learning" else ":"
        axes.plot(rows["time_s"], rows["difference"], line, color=palette.contender(str(model)))
    axes.set_yscale("log")
    axes.set_xlabel("time in the window (s)")
    axes.set_ylabel("difference of the input\n(solid: after learning)")
    legend(figure, palette, table["model"])
    return figure


_CURVES = {"trial": "one trial", "average": "average over trials", "target": "target"}


def _courses(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    for name in _CURVES:
        mine = rows[rows["curve"] == name]
        shade, width = _look(name, colour)
        axes.plot(mine["time_s"], mine["input"], color=shade, linewidth=width)


def _look(name: str, colour: str) -> tuple[str, float]:
    return {"trial": (GUIDE, 0.5), "average": (colour, 1.1), "target": (DATA_COLOUR, 0.8)}[name]


def _handles(palette: Palette, model: str) -> list[object]:
    from matplotlib.lines import Line2D

    found: list[object] = []
    for name, label in _CURVES.items():
        shade, width = _look(name, palette.contender(model))
        found.append(Line2D([], [], color=shade, linewidth=width, label=label))
    return found


FIGURES = {
    "learning": learning,
    "recall": recall,
    "trajectories": trajectories,
    "lesions": lesions,
    "divergence": divergence,
    "sweeps": sweeps,
}
