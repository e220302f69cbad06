"""What networks on given targets do after lesions (Kim & Chow 2018, Fig 3 d and Fig 5).

To be seen: few lost neurons, or few shuffled weights, do little harm; performance falls gradually.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spiketwin.analysis.recall import SINGLE, lesion_score
from spiketwin.figures.layout import legend, page, panels
from spiketwin.figures.palette import Palette
from spiketwin.figures.target_source import TargetSource

TITLES = {"deleted": "neurons deleted", "shuffled": "weights between cells shuffled"}


def lesions(source: TargetSource) -> Figure:
    """Single-trial correlation against the size of each lesion, a line per model.

    Parameters
    ----------
    source : run with table ``recall``.

    Returns
    -------
    figure.
    """
    analysis, palette, named = source.run.analysis, source.palette, source.run.named
    asked = {"deleted": analysis.deleted, "shuffled": analysis.shuffled}
    shown = {name: sorted(shares) for name, shares in asked.items() if shares}
    recall = source.table("recall")
    figure = page(2.6)
    axes = panels(figure, 1, len(shown), sharey="all").ravel()
    for panel, (name, shares) in zip(axes, shown.items(), strict=True):
        for model in named:
            _line(panel, recall[recall["model"] == model], name, shares, model, palette)
        panel.set_title(TITLES[name], fontweight="bold")
        panel.set_xlabel("share")
    axes[0].set_ylabel("single-trial correlation")
    legend(figure, palette, named)
    return figure


def _line(
    axes: Axes,
    recall: pd.DataFrame,
    lesion: str,
    shares: list[float],
    model: str,
    palette: Palette,
) -> None:
    """Mean over seeds and conditions, with a mark for every seed."""
    names = {0.0: SINGLE} | {share: lesion_score(lesion, share) for share in shares}
    means = [recall[recall["score"] == score]["value"].mean() for score in names.values()]
    axes.plot(list(names), means, color=palette.contender(model))
    for share, score in names.items():
        seeds = recall[recall["score"] == score].groupby("seed")["value"].mean()
        axes.plot([share] * len(seeds), seeds, ".", color=palette.contender(model), markersize=3)
