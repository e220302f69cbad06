"""Neuron by neuron: rates, PSTH correlation, Fano factor, inter-spike intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import wasserstein_distance

from spiketwin.analysis.contenders import Contender
from spiketwin.analysis.residuals import residuals
from spiketwin.analysis.scores import ScoreBook
from spiketwin.trials.features import psth
from spiketwin.trials.trialset import TrialSet

LEAST_RATE_HZ = 1.0
"""PSTHs of slower neurons are mostly noise and not scored."""


def neuron_table(
    contender: str,
    seed: int,
    compared: Sequence[TrialSet],
    test: Sequence[TrialSet],
    window: np.ndarray,
) -> pd.DataFrame:
    """One row per neuron.

    Parameters
    ----------
    contender, seed : labels.
    compared, test : trials of the contender and held-out trials, session by session.
    window : PSTH filter (bin, time).
    """
    parts = []
    for mine, recorded in zip(compared, test, strict=True):
        columns = {
            "neuron": recorded.units["neuron"],
            "session": recorded.session,
            "area": recorded.units["area"],
            "cell_type": recorded.units["cell_type"],
            "rate_hz": mine.counts.mean((0, 1), dtype=float) / mine.bin_s,
            "psth_correlation": psth_correlations(mine, recorded, window),
            "fano": fano_factors(mine),
            "isi_cv": isi_cvs(mine),
        }
        parts.append(pd.DataFrame(columns).assign(contender=contender, seed=seed))
    table = pd.concat(parts, ignore_index=True)
    return table[["contender", "seed", *[c for c in table if c not in ("contender", "seed")]]]


def psth_correlations(mine: TrialSet, recorded: TrialSet, window: np.ndarray) -> np.ndarray:
    """Correlation of the filtered PSTHs with the held-out ones, (unit,); NaN for slow neurons."""
    x, y = (psth(trials.counts, window) for trials in (mine, recorded))
    x, y = x - x.mean(0), y - y.mean(0)
    norm = np.sqrt((x**2).sum(0) * (y**2).sum(0))
    fast = recorded.units["rate_hz"].to_numpy() > LEAST_RATE_HZ
    correlation = (x * y).sum(0) / np.where(norm > 0, norm, 1)
    return np.where(fast & ((y**2).sum(0) > 0), correlation, np.nan)


def fano_factors(trials: TrialSet) -> np.ndarray:
    """Variance over mean of the spike count of a trial, within conditions, (unit,)."""
    totals = trials.counts.sum(1, dtype=float)
    squares = (residuals(totals, trials.conditions) ** 2).sum(0)
    freedom = len(totals) - len(set(trials.conditions))
    mean = totals.mean(0)
    return np.where(mean > 0, squares / max(freedom, 1) / np.where(mean > 0, mean, 1), np.nan)


def isi_cvs(trials: TrialSet) -> np.ndarray:
    """Coefficient of variation of the inter-spike intervals inside trials, at bin resolution.

    Intervals longer than a trial are never seen, which lowers the value of slow neurons alike in
    data and models.
    """
    trial, unit, at = np.nonzero(trials.counts.swapaxes(1, 2))
    same = (np.diff(trial) == 0) & (np.diff(unit) == 0)
    interval, owner = np.diff(at)[same].astype(float), unit[1:][same]
    n = np.bincount(owner, minlength=trials.counts.shape[2]).astype(float)
    total = np.bincount(owner, interval, len(n))
    squares = np.bincount(owner, interval**2, len(n))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / n
        deviation = np.sqrt(np.maximum(squares / n - mean**2, 0))
        return np.where(n >= 20, deviation / mean, np.nan)


def add_neuron_scores(
    book: ScoreBook,
    contender: Contender,
    table: pd.DataFrame,
    recorded: pd.DataFrame,
    ceiling: float,
) -> None:
    """Scores of the neuron level.

    Parameters
    ----------
    book, contender : where, who.
    table, recorded : rows of the contender and of the test trials.
    ceiling : mean PSTH correlation of the training with the test trials.
    """
    correlation = table["psth_correlation"].to_numpy()
    n = int(np.isfinite(correlation).sum())
    if n:
        mean, error = float(np.nanmean(correlation)), float(np.nanstd(correlation) / np.sqrt(n))
        book.add(contender, "PSTH correlation", mean, sd=error, n=n)
        if ceiling > 0:
            ratio, spread = mean / ceiling, error / ceiling
            book.add(contender, "PSTH correlation / ceiling", ratio, sd=spread, n=n)
    floor = 0.01
    logs = [np.log(np.maximum(t["rate_hz"].to_numpy(), floor)) for t in (table, recorded)]
    book.add(contender, "rate distribution distance", wasserstein_distance(*logs), n=len(table))
    for score, column in (("Fano factor", "fano"), ("ISI CV", "isi_cv")):
        values = table[column].to_numpy(dtype=float)
        if np.isfinite(values).any():
            spread = float(np.nanstd(values))
            book.add(contender, score, float(np.nanmean(values)), sd=spread, n=len(table))


def psth_examples(table: pd.DataFrame, most: int = 12) -> np.ndarray:
    """Neurons to show: the fastest of each area, up to `most`."""
    ranked = table.sort_values("rate_hz", ascending=False)
    return ranked.groupby("area", sort=True).head(most)["neuron"].to_numpy()
