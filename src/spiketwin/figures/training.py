"""How the fits went: losses, held-out energy distance, firing rate, learning rate.

To be seen: losses fall and level off, the rate stays near the data's, and the model that is kept
(circle) is the one with the smallest held-out energy distance.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spiketwin.figures.layout import legend, page, panels, plain_logarithm, say
from spiketwin.figures.palette import Palette
from spiketwin.figures.source import Source

CURVES = {
    "loss_neuron": "neuron loss",
    "loss_trial": "trial loss",
    "held_out": "held-out energy distance",
    "rate_hz": "mean rate (Hz)",
    "learning_rate": "learning rate",
    "loss_dispersion": "dispersion loss",
}
OF_EVERY_METHOD = ("rate_hz",)
"""Losses and scores of rate matching are other quantities, which its own figures show."""
LOGARITHMIC = ("loss_neuron", "loss_dispersion", "held_out")


def training(source: Source) -> Figure:
    """A panel per quantity, a line per model and seed.

    Parameters
    ----------
    source : run with table ``fits`` and the histories of its fits.

    Returns
    -------
    figure.
    """
    palette, history, fits = source.palette, source.histories(), source.table("fits")
    figure = page(3.9)
    axes = panels(figure, 2, 3, sharex="all")
    for panel, (column, title) in zip(axes.ravel(), CURVES.items(), strict=True):
        rows = history if column in OF_EVERY_METHOD else _by_gradient(history, source)
        curve(panel, rows, column, palette)
        panel.set_title(title, fontweight="bold")
    mark_kept(axes[0, 2], fits[fits["model"].isin(source.config.gradient_models)], palette)
    for panel in axes[-1]:
        panel.set_xlabel("step")
    legend(figure, palette, history["contender"])
    return figure


def _by_gradient(history: pd.DataFrame, source: Source) -> pd.DataFrame:
    return history[history["contender"].isin(source.config.gradient_models)]


def curve(axes: Axes, history: pd.DataFrame, column: str, palette: Palette) -> Axes:
    """One quantity over the steps; steps without a value are left out.

    Parameters
    ----------
    axes : where.
    history : histories with columns ``contender``, ``seed``, ``step`` and `column`.
    column : what to show.
    palette : colours of the models.
    """
    rows = history[np.isfinite(history[column].astype(float))]
    if rows.empty:
        return say(axes, "none of the models has it")
    for name in palette.order(rows["contender"]):
        for _, line in rows[rows["contender"] == name].groupby("seed"):
            line = line.sort_values("step")
            axes.plot(line["step"], line[column], color=palette.contender(name), label=name)
    if column in LOGARITHMIC and (rows[column] > 0).all():
        axes.set_yscale("log")
        plain_logarithm(axes)
    elif column != "held_out":
        axes.set_ylim(bottom=min(0.0, float(rows[column].min())))
    return axes


def mark_kept(axes: Axes, fits: pd.DataFrame, palette: Palette) -> Axes:
    """A circle at the step and score of the model that each fit kept.

    Parameters
    ----------
    axes : panel of the held-out score.
    fits : table ``fits``.
    palette : colours of the models.
    """
    for model, step, score in zip(fits["model"], fits["best_step"], fits["held_out"], strict=True):
        axes.plot(
            [step], [score], "o", markersize=5, markerfacecolor="none",
            color=palette.contender(model),
        )  # fmt: skip
    return axes
