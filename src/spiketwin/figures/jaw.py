"""Behaviour: its average per outcome, and the movement predicted from neural activity alone.

Mirrors figure 4 of Sourmpis et al. (2023). To be seen: the simulated movement differs between
outcomes as the recorded one does; and held-out recorded trials, matched to simulated trials on
neural features alone, have the movement of their partners more than that of shuffled partners.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

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
from spiketwin.figures.palette import DATA, GUIDE, Palette
from spiketwin.figures.source import Source

EXAMPLES = 6
PREDICTORS = ("matched", "shuffled", "condition mean")
SCORES = {"r2": "R²", "correlation": "correlation", "mse": "squared error"}


def jaw(source: Source) -> Figure:
    """Averages above, example trials in the middle, scores of the prediction below.

    Parameters
    ----------
    source : run with tables ``behaviour``, ``prediction`` and ``prediction_trials``.

    Returns
    -------
    figure.
    """
    palette = source.palette
    means, scores = source.table("behaviour"), source.table("prediction")
    means = means[means["contender"].isin([DATA, *palette.models])]
    traces = list(means["trace"].unique())
    heights = [1.5 * max(len(traces), 1) + 0.5, 1.6 * max(len(traces), 1), 2.0]
    figure = page(sum(heights))
    upper, middle, lower = stack(figure, heights)
    _averages(upper, means, traces, palette)
    _examples(middle, source.shown("prediction_trials"), traces, palette)
    _scores(lower, scores[scores["outcome"] == "all"], palette)
    return figure


def average(axes: Axes, rows: pd.DataFrame, palette: Palette) -> Axes:
    """Average of one trace over the trials of one outcome; a band of one standard error.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``behaviour`` of one trace and outcome.
    palette : colours of the contenders.
    """
    if rows.empty:
        return say(axes, "no trials")
    for name in palette.order(rows["contender"]):
        for _, line in rows[rows["contender"] == name].groupby("seed"):
            line, colour = line.sort_values("time_s"), palette.contender(name)
            axes.plot(line["time_s"], line["mean"], color=colour, label=name)
            low, high = line["mean"] - line["sem"], line["mean"] + line["sem"]
            axes.fill_between(line["time_s"], low, high, color=colour, alpha=0.18, linewidth=0)
    axes.margins(x=0)
    mark_event(axes)
    return axes


def example(axes: Axes, rows: pd.DataFrame, colour: str) -> Axes:
    """One held-out trial: recorded trace and the one predicted from its neural activity.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``prediction_trials`` of one trial.
    colour : colour of the model.
    """
    rows = rows.sort_values("time_s")
    axes.plot(rows["time_s"], rows["recorded"], color="#111111", label="recorded")
    axes.plot(rows["time_s"], rows["predicted"], color=colour, label="predicted")
    axes.margins(x=0)
    mark_event(axes)
    return axes


def prediction(axes: Axes, rows: pd.DataFrame, palette: Palette) -> Axes:
    """One score of the predictions: a point per predictor, contender and seed.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``prediction`` of one score.
    palette : colours of the contenders.
    """
    contenders = palette.order(rows["contender"])
    predictors = [name for name in PREDICTORS if (rows["predictor"] == name).any()]
    places = dict(zip(contenders, spread_of(len(contenders), 0.5), strict=True))
    for at, predictor in enumerate(predictors):
        for name in contenders:
            part = rows[(rows["predictor"] == predictor) & (rows["contender"] == name)]
            offsets = at + places[name] + spread_of(len(part), 0.3 / len(contenders))
            axes.errorbar(
                offsets, part["value"], yerr=part["sd"].fillna(0), fmt="o", markersize=3.5,
                color=palette.contender(name), elinewidth=0.9, label=name,
                markerfacecolor=palette.contender(name) if predictor == "matched" else "white",
            )  # fmt: skip
    axes.set_xticks(range(len(predictors)), [wrapped(name, 11) for name in predictors])
    axes.set_xlim(-0.5, max(len(predictors), 1) - 0.5)
    axes.axhline(0, color=GUIDE, linewidth=0.6, zorder=0)
    return axes


def _averages(part: SubFigure, means: pd.DataFrame, traces: list[str], palette: Palette) -> None:
    outcomes = palette.order_outcomes(means["outcome"])
    axes = panels(part, len(traces), len(outcomes), sharex="all", sharey="row")
    if means.empty:
        say(axes[0, 0], "no behaviour was recorded")
    for row, trace in zip(axes, traces, strict=False):
        for panel, outcome in zip(row, outcomes, strict=True):
            chosen = means[(means["trace"] == trace) & (means["outcome"] == outcome)]
            average(panel, chosen, palette)
            panel.set_title(
                "all trials" if outcome == "all" else wrapped(outcome, letters(len(outcomes)))
            )
    label_outside(axes, "time (s)", "")
    for row, trace in zip(axes, traces, strict=False):
        row[0].set_ylabel(wrapped(trace, 14))
    legend(part, palette, means["contender"])


def _examples(part: SubFigure, rows: pd.DataFrame, traces: list[str], palette: Palette) -> None:
    model = next((name for name in palette.models if (rows["contender"] == name).any()), None)
    axes = panels(part, len(traces), EXAMPLES, sharex="all", sharey="row")
    if model is None:
        say(axes[0, 0], "no predicted trials")
        return
    rows = rows[rows["contender"] == model]
    for line, trace in zip(axes, traces, strict=False):
        chosen = rows[rows["trace"] == trace]
        trials = _examples_of(chosen)
        for panel, trial in zip(line, trials, strict=False):
            one = chosen[chosen["trial"] == trial]
            example(panel, one, palette.contender(model))
            panel.set_title(wrapped(str(one["outcome"].iloc[0]), 14))
        for panel in line[len(trials) :]:
            panel.axis("off")
        line[0].set_ylabel(wrapped(trace, 14))
    label_outside(axes, "time (s)", axes[-1, 0].get_ylabel())
    part.suptitle(
        f"held-out trials: recorded (black) and predicted from neural activity by {model}"
    )


def _examples_of(rows: pd.DataFrame) -> list[object]:
    """Trials of the outcomes in turn, so that every outcome is seen."""
    trials = rows[["trial", "outcome"]].drop_duplicates()
    turn = trials.groupby("outcome").cumcount()
    return list(trials.assign(turn=turn).sort_values(["turn", "outcome"])["trial"])[:EXAMPLES]


def _scores(part: SubFigure, rows: pd.DataFrame, palette: Palette) -> None:
    scores = [name for name in SCORES if (rows["score"] == name).any()]
    traces = list(rows["trace"].unique())
    axes = panels(part, 1, len(scores) * max(len(traces), 1))[0]
    if not scores:
        say(axes[0], "no prediction was scored")
    chosen = [(trace, score) for trace in traces for score in scores]
    for panel, (trace, score) in zip(axes, chosen, strict=False):
        prediction(panel, rows[(rows["trace"] == trace) & (rows["score"] == score)], palette)
        panel.set_title(f"{wrapped(trace, 14)}: {SCORES[score]}", fontweight="bold")
        _open_up(panel, score)


def _open_up(axes: Axes, score: str) -> None:
    """Keep one bad predictor from flattening the others."""
    low, high = axes.get_ylim()
    if score != "mse":
        axes.set_ylim(max(low, -1.05), min(max(high, 0.05), 1.02))
    elif np.isfinite(high):
        axes.set_ylim(0, high)
