"""Is there something to match? Properties of a recording, before and apart from any fit.

Trial matching can only show its worth where trials vary more, or otherwise, than independent
Poisson neurons: where trivial models are as close to the test trials as another half of the data,
there is nothing to match and no skill means anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from spiketwin.analysis.contenders import Session, reference, sessions_of
from spiketwin.analysis.energy import Estimate, energy_distance, groups_of, jackknifed
from spiketwin.analysis.references import CEILING, WITHOUT_SHARED, something_to_match
from spiketwin.analysis.residuals import residuals
from spiketwin.config import Config
from spiketwin.trials.features import psth, window_matrix
from spiketwin.trials.trialset import Trials, TrialSet

CO_VARIABILITY = "co-variability over Poisson"
AUTOCORRELATION = "autocorrelation of the residual at one window"
RELIABILITY = "split-half reliability of the PSTHs"
DRIFT_NEIGHBOURS = "correlation of neighbouring trials"
DRIFT_HALVES = "energy distance between session halves"
MATCHABLE = "something to match"
COLUMNS = ["session", "area", "quantity", "scale", "value", "sd"]


def screen(trials: Trials, config: Config) -> pd.DataFrame:
    """Screen every session that has an area with enough units.

    Returns
    -------
    Table `screening`; the quantity "something to match" is 1 where the nearest trivial model is
    further from the test trials than two standard deviations beyond another half of the data.
    """
    sessions = sessions_of(trials, config)
    rows: list[dict[str, Any]] = []
    for session in sessions:
        rows += _screen_session(session, config)
    return pd.DataFrame(rows, columns=COLUMNS)


def _screen_session(session: Session, config: Config) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []

    def add(quantity: str, value: float, **labels: Any) -> None:
        row = {"session": session.name, "area": "", "scale": "", "sd": float("nan")}
        rows.append({**row, "quantity": quantity, "value": value, **labels})

    trivial = _trivial_trials(session, config)
    for index, scale in enumerate(session.scales):
        for k, area in enumerate(session.features.areas):
            ratio, memory = _area_variability(session, index, k)
            add(CO_VARIABILITY, ratio, area=area, scale=scale)
            add(AUTOCORRELATION, memory, area=area, scale=scale)
        for name, gap in _trivial_distances(session, index, trivial).items():
            quantity = f"energy distance: {name}"
            add(quantity, gap.value, scale=scale, sd=gap.sd)
        add(DRIFT_HALVES, _halves(session, index), scale=scale)
    add(RELIABILITY, _reliability(session, config))
    add(DRIFT_NEIGHBOURS, _neighbours(session))
    add(MATCHABLE, float(_matchable(rows, session.scales)))
    return rows


def _area_variability(session: Session, index: int, area: int) -> tuple[float, float]:
    """Variance of area counts over that of Poisson neurons, and the residual's autocorrelation.

    Counts are summed over the area's units and one window; variance within conditions. The
    autocorrelation is between neighbouring windows that do not overlap.
    """
    recorded = session.recorded
    members = session.features.membership[:, area] > 0
    total = recorded.counts[:, :, members].sum(2, dtype=float)
    window = session.features.windows[index]
    length = 1 / window.max(0)
    counts = total @ (window * length)
    residual, mean = residuals(counts, recorded.conditions), counts.mean(0)
    freedom = len(counts) - len(set(recorded.conditions))
    variance = (residual**2).sum(0) / max(freedom, 1)
    lag = _apart(window)
    if lag < residual.shape[1]:
        memory = (residual[:, lag:] * residual[:, :-lag]).sum() / max((residual**2).sum(), 1e-12)
        memory *= residual.shape[1] / (residual.shape[1] - lag)
    else:
        memory = float("nan")
    poisson = mean * (window**2 * length**2).sum(0) / (window * length).sum(0)
    return float(variance.mean() / max(poisson.mean(), 1e-12)), float(memory)


def _apart(window: np.ndarray) -> int:
    """Smallest distance of windows that share no bin."""
    used = window > 0
    for lag in range(1, window.shape[1]):
        if not (used[:, :-lag] & used[:, lag:]).any():
            return lag
    return window.shape[1]


def _trivial_trials(session: Session, config: Config) -> dict[str, TrialSet]:
    seed = config.analysis.reference_seed
    return {
        name: reference(name, [session], seed).trials[session.name]
        for name in (CEILING, *WITHOUT_SHARED)
    }


def _trivial_distances(
    session: Session, index: int, trivial: Mapping[str, TrialSet]
) -> dict[str, Estimate]:
    y = session.vectors(session.test, index)
    groups = groups_of(len(y))
    return {
        name: jackknifed(session.vectors(trials, index), y, groups)
        for name, trials in trivial.items()
    }


def _matchable(rows: list[dict[str, Any]], scales: Sequence[str]) -> bool:
    """At some scale all trivial models are clearly further away than another half of the data."""
    names = {f"energy distance: {name}": name for name in (CEILING, *WITHOUT_SHARED)}
    return any(
        something_to_match(
            {
                names[row["quantity"]]: (row["value"], row["sd"])
                for row in rows
                if row["scale"] == scale and row["quantity"] in names
            }
        )
        for scale in scales
    )


def _reliability(session: Session, config: Config) -> float:
    """Mean correlation of the PSTHs of odd and even trials."""
    recorded = session.recorded
    window = window_matrix(recorded.counts.shape[1], recorded.bin_s, config.features.psth)
    halves = [psth(recorded.counts[k::2], window) for k in (0, 1)]
    x, y = (half - half.mean(0) for half in halves)
    norm = np.sqrt((x**2).sum(0) * (y**2).sum(0))
    fast = (recorded.units["rate_hz"].to_numpy() > 1) & (norm > 0)
    return float(((x * y).sum(0)[fast] / norm[fast]).mean()) if fast.any() else float("nan")


def _neighbours(session: Session) -> float:
    """Correlation of the mean area activity of neighbouring trials (slow drift)."""
    level = residuals(session.vectors(session.recorded).mean(1), session.recorded.conditions)
    return float(np.corrcoef(level[1:], level[:-1])[0, 1]) if level.std() > 0 else float("nan")


def _halves(session: Session, index: int) -> float:
    """Energy distance between the first and the second half of the session."""
    features = session.vectors(session.recorded, index)
    first, second = np.array_split(features, 2)
    return energy_distance(first, second)
