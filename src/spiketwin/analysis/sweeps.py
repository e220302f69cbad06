"""Scores over the settings of sweeps, and how long a pattern can be learned (Kim & Chow 2018, Figs
6 and 7).

    capacity = T_max / tau

T_max is the longest window up to which single trials keep the correlation `analysis.learned`,
linear between the windows of the sweep; tau is the correlation time of the targets
(`targets.tau_s`). Where the longest window of a sweep is still learned, capacity is at least that.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from spiketwin.analysis.recall import AVERAGED, SINGLE
from spiketwin.config import TargetRun, points, varied

CAPACITY = "capacity"
WINDOW = "targets.window_s"


def sweep_table(run: TargetRun, recall: pd.DataFrame) -> pd.DataFrame:
    """Columns sweep, model, seed, score, value, and one for every setting of any sweep.

    Parameters
    ----------
    run : with its sweeps.
    recall : table ``recall``; its scores are averaged over conditions.
    """
    chosen = recall[recall["score"].isin([SINGLE, AVERAGED])]
    scores = chosen.groupby(["model", "seed", "score"], as_index=False)["value"].mean()
    parts = [pd.DataFrame(columns=["sweep", *scores.columns])]
    for name, sweep in run.sweeps.items():
        settings = pd.DataFrame.from_dict(points(name, sweep), orient="index")
        mine = settings.rename_axis("model").reset_index().merge(scores, on="model")
        mine.insert(0, "sweep", name)
        parts.append(mine)
        paths = run.targets_of(mine["model"].iloc[0]).pattern == "ornstein-uhlenbeck"
        if WINDOW in varied(sweep) and paths:
            parts.append(capacity_rows(mine, list(sweep), run))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def capacity_rows(scores: pd.DataFrame, settings: list[str], run: TargetRun) -> pd.DataFrame:
    """Rows of the table for the longest windows that were learned, in units of the correlation time
    of the targets; no model and no window belong to them."""
    single = scores[scores["score"] == SINGLE].sort_values(WINDOW)
    others = [name for name in settings if name != WINDOW]
    found = []
    for _, rows in single.groupby(["seed", *others]):
        longest = longest_learned(
            rows[WINDOW].to_numpy(), rows["value"].to_numpy(), run.analysis.learned
        )
        value = longest / run.targets_of(rows["model"].iloc[0]).tau_s
        row = rows.iloc[:1].assign(model="", score=CAPACITY, value=value)
        found.append(row.assign(**{WINDOW: np.nan}))
    return pd.concat(found, ignore_index=True)


def longest_learned(windows: np.ndarray, correlations: np.ndarray, wanted: float) -> float:
    """Window at which the correlation falls below `wanted` for the first time; NaN where the
    shortest does not reach it, the longest where all do.

    Parameters
    ----------
    windows : (window,) seconds, rising.
    correlations : (window,).
    """
    below = np.flatnonzero(~(correlations >= wanted))
    if not len(below):
        return float(windows[-1])
    if below[0] == 0:
        return np.nan
    last = slice(below[0] - 1, below[0] + 1)
    return float(np.interp(-wanted, -correlations[last], windows[last]))
