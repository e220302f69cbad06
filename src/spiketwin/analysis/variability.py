"""Trial-to-trial variability: time courses, peaks, modes, noise correlations, separation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations_with_replacement

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA

from spiketwin.analysis.contenders import Contender, Session
from spiketwin.analysis.outcomes import Readers
from spiketwin.analysis.residuals import residuals
from spiketwin.trials.trialset import TrialSet

MODES = 10
EMBEDDED_TRIALS = 400
"""As in figure 4C of Sourmpis et al. (2023)."""
PEAK_TRIALS = 200
CORRELATED_UNITS = 60
"""Units per area whose pairs are correlated."""


def activity(contender: Contender, readers: Readers) -> pd.DataFrame:
    """Area activity per outcome over time, mean over sessions."""
    window, first = readers.window, readers.sessions[0].recorded
    time_s = first.time_s @ window
    gathered: dict[tuple[str, str], list[tuple[np.ndarray, np.ndarray]]] = {}
    for session in readers.sessions:
        trials = contender.trials[session.name]
        rates = session.rates_hz(trials, window)
        labels = readers.labels(session, trials)
        for outcome in ("all", *sorted(set(labels) - {"all"})):
            rows = np.ones(len(labels), bool) if outcome == "all" else labels == outcome
            for k, area in enumerate(session.features.areas):
                part = rates[rows, k]
                course = part.mean(0), part.var(0) / len(part)
                gathered.setdefault((area, outcome), []).append(course)
    parts = [_course(contender, key, courses, time_s) for key, courses in gathered.items()]
    return pd.concat(parts, ignore_index=True)


def _course(
    contender: Contender,
    key: tuple[str, str],
    courses: list[tuple[np.ndarray, np.ndarray]],
    time_s: np.ndarray,
) -> pd.DataFrame:
    mean = np.mean([m for m, _ in courses], axis=0)
    error = np.sqrt(np.sum([v for _, v in courses], axis=0)) / len(courses)
    return pd.DataFrame(
        {
            "contender": contender.name,
            "seed": contender.seed,
            "area": key[0],
            "outcome": key[1],
            "time_s": time_s,
            "mean_hz": mean,
            "sem_hz": error,
        }
    )


def peaks(contender: Contender, readers: Readers) -> pd.DataFrame:
    """Peak activity of every area in single trials."""
    parts = []
    for session in readers.sessions:
        trials = _first(contender.trials[session.name], PEAK_TRIALS)
        highest = session.rates_hz(trials, readers.window).max(2)
        labels = readers.labels(session, trials)
        for k, area in enumerate(session.features.areas):
            columns = {"trial": np.arange(len(labels)), "outcome": labels, "peak_hz": highest[:, k]}
            parts.append(
                pd.DataFrame(columns).assign(
                    contender=contender.name, seed=contender.seed, session=session.name, area=area
                )
            )
    return pd.concat(parts, ignore_index=True)


def _first(trials: TrialSet, most: int) -> TrialSet:
    return trials.take(np.arange(min(most, len(trials.trials))))


def modes(contender: Contender, sessions: Sequence[Session]) -> pd.DataFrame:
    """Share of single-trial variance in the leading modes, mean over sessions."""
    shares = []
    for session in sessions:
        features = session.vectors(contender.trials[session.name])
        number = min(MODES, *features.shape)
        found = PCA(number, random_state=0).fit(features).explained_variance_ratio_
        shares.append(np.pad(found, (0, MODES - number)))
    return pd.DataFrame(
        {
            "contender": contender.name,
            "seed": contender.seed,
            "mode": np.arange(1, MODES + 1),
            "variance_fraction": np.mean(shares, axis=0),
        }
    )


def correlations(contender: Contender, sessions: Sequence[Session]) -> pd.DataFrame:
    """Noise correlations of unit pairs within and across areas, at the slowest scale.

    Counts minus the mean of their condition at that time; units of one session only.
    """
    rows = []
    for session in sessions:
        matrix, area = _noise_correlation(session, contender.trials[session.name])
        for kind, values in _pairs(matrix, area, session.features.areas):
            if len(values):
                mean, spread = float(values.mean()), float(values.std())
                rows.append(
                    (contender.name, contender.seed, session.name, kind, len(values), mean, spread)
                )
    names = ["contender", "seed", "session", "kind", "pairs", "mean", "sd"]
    return pd.DataFrame(rows, columns=names)


def _noise_correlation(session: Session, trials: TrialSet) -> tuple[np.ndarray, np.ndarray]:
    """(unit, unit) correlations of some units of each area, and their areas."""
    area = session.recorded.units["area"].to_numpy(dtype=str)
    chosen = np.concatenate(
        [np.flatnonzero(area == name)[:CORRELATED_UNITS] for name in session.features.areas]
    )
    window = session.features.windows[-1]
    counts = [trial[:, chosen].astype(np.float32).T @ window for trial in trials.counts]
    left = residuals(np.array(counts), trials.conditions)
    residual = left.swapaxes(0, 1).reshape(len(chosen), -1)
    norm = np.sqrt((residual**2).sum(1))
    scaled = residual / np.where(norm > 0, norm, np.nan)[:, None]
    return scaled @ scaled.T, area[chosen]


def _pairs(
    matrix: np.ndarray, area: np.ndarray, areas: Sequence[str]
) -> Iterator[tuple[str, np.ndarray]]:
    for first, second in combinations_with_replacement(areas, 2):
        block = matrix[np.ix_(area == first, area == second)]
        if first == second:
            block = block[np.triu_indices(len(block), 1)]
        kind = f"within {first}" if first == second else f"{first} - {second}"
        values = block.ravel()
        yield kind, values[np.isfinite(values)]


def separation(contender: Contender, readers: Readers) -> pd.DataFrame:
    """d' of the two most frequent outcomes along the difference of their templates.

    Trials are named by their recorded outcome, simulated ones by template; mean over sessions that
    tell outcomes apart.
    """
    values = []
    for session in readers.sessions:
        template = readers.templates[session.name]
        if template.usable:
            labels = readers.labels(session, contender.trials[session.name])
            features = session.vectors(contender.trials[session.name])
            values.append(_d_prime(features, labels, template.vectors, template.outcomes))
    known = [value for value in values if np.isfinite(value)]
    return pd.DataFrame(
        {
            "contender": [contender.name],
            "seed": [contender.seed],
            "score": ["d'"],
            "value": [float(np.mean(known)) if known else np.nan],
        }
    )


def _d_prime(
    features: np.ndarray, labels: np.ndarray, vectors: np.ndarray, names: tuple[str, ...]
) -> float:
    order = sorted(range(len(names)), key=lambda k: -(labels == names[k]).sum())[:2]
    projected = features @ (vectors[order[0]] - vectors[order[1]])
    first, second = (projected[labels == names[k]] for k in order)
    if min(len(first), len(second)) < 3:
        return float("nan")
    spread = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
    return float(abs(first.mean() - second.mean()) / max(spread, 1e-12))


def embedding(contender: Contender, readers: Readers) -> pd.DataFrame:
    """First two principal components, fitted to the training trials of the richest session."""
    session = max(readers.sessions, key=_richness)
    pca = PCA(2, random_state=0).fit(session.vectors(session.train))
    trials = _first(contender.trials[session.name], EMBEDDED_TRIALS)
    points = pca.transform(session.vectors(trials))
    return pd.DataFrame(
        {
            "contender": contender.name,
            "seed": contender.seed,
            "trial": np.arange(len(points)),
            "outcome": readers.labels(session, trials),
            "pc1": points[:, 0],
            "pc2": points[:, 1],
        }
    )


def _richness(session: Session) -> tuple[int, int]:
    return len(session.features.areas), len(session.recorded.units)


def rasters(
    contender: Contender, readers: Readers, trials: int = 6, units: int = 30
) -> pd.DataFrame:
    """Spikes of a few trials of the richest session."""
    session = max(readers.sessions, key=_richness)
    area = session.recorded.units["area"].to_numpy(dtype=str)
    chosen = np.concatenate(
        [np.flatnonzero(area == name)[:units] for name in session.features.areas]
    )
    shown = _first(contender.trials[session.name], trials)
    trial, time, unit = np.nonzero(shown.counts[:, :, chosen])
    return pd.DataFrame(
        {
            "contender": contender.name,
            "seed": contender.seed,
            "trial": trial,
            "unit": unit,
            "area": area[chosen][unit],
            "time_s": session.recorded.time_s[time],
        }
    )
