"""Outcome frequencies: what the simulated trials would be called.

    template             nearest mean feature vector of the training trials of an outcome, among the
                         outcomes that trials of the same condition can have
    data threshold       peak activity of the outcome area against the midpoint of its two modes
    published threshold  the same against a fixed rate
    lick classifier      logistic regression on the behaviour, regularised as cross-validation on
                         the training trials prefers, among these outcomes likewise (whether the
                         animal was to lick is known)

Sessions whose templates do not tell outcomes apart say nothing about them and are left out of the
read-out by template.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from spiketwin.analysis.contenders import Contender, Session
from spiketwin.analysis.templates import (
    Possible,
    Templates,
    allowed_outcomes,
    templates_of,
)
from spiketwin.config import Analysis
from spiketwin.trials.features import window_behaviour
from spiketwin.trials.trialset import TrialSet


@dataclass(frozen=True)
class Readers:
    """Everything that names outcomes, trained on training trials.

    Attributes
    ----------
    sessions : sessions of the run.
    templates : per session.
    window : filter (bin, time) of the peak activity.
    analysis : settings (outcome area, active outcome, published threshold).
    lick : classifier of the behaviour; None without behaviour or with one outcome.
    possible : condition -> outcomes that its training trials have.
    """

    sessions: Sequence[Session]
    templates: dict[str, Templates]
    window: np.ndarray
    analysis: Analysis
    lick: Pipeline | None
    possible: Possible

    def by_behaviour(self, behaviour: np.ndarray, conditions: np.ndarray) -> np.ndarray:
        """Outcome of each trial by the classifier, (trial,) str.

        Parameters
        ----------
        behaviour : (trial, D) filtered.
        conditions : (trial,) of the trials; of an unknown one everything is possible.
        """
        assert self.lick is not None
        names = [str(name) for name in self.lick.classes_]
        allowed = allowed_outcomes(names, conditions, self.possible)
        likely = np.where(allowed, self.lick.predict_proba(behaviour), -1.0)
        return np.array(names)[likely.argmax(1)]

    def labels(self, session: Session, trials: TrialSet) -> np.ndarray:
        """Outcome of each trial: recorded, else by template, else by behaviour, else "all"."""
        recorded = trials.outcomes
        if len(recorded) and (recorded != "").all():
            return recorded
        for read in (_by_template, _by_lick):
            found = read(session, trials, self)
            if found is not None:
                return found
        return np.full(len(recorded), "all")


def train_readers(sessions: Sequence[Session], window: np.ndarray, analysis: Analysis) -> Readers:
    """Templates and classifier from the training trials."""
    possible = _possible(sessions)
    templates = {session.name: templates_of(session, possible) for session in sessions}
    return Readers(sessions, templates, window, analysis, _train_lick(sessions), possible)


def _possible(sessions: Sequence[Session]) -> dict[str, frozenset[str]]:
    """Outcomes of the training trials of every condition."""
    tables = [session.train.trials[["condition", "outcome"]] for session in sessions]
    grouped = pd.concat(tables).groupby("condition")["outcome"]
    return {str(name): frozenset(map(str, outcomes)) for name, outcomes in grouped}


def _train_lick(sessions: Sequence[Session]) -> Pipeline | None:
    if not sessions[0].recorded.traces:
        return None
    x = np.concatenate([behaviour_vectors(s, s.train) for s in sessions])
    y = np.concatenate([s.train.outcomes for s in sessions])
    _, numbers = np.unique(y, return_counts=True)
    if len(numbers) < 2:
        return None
    strength = _strength(x, y) if numbers.min() >= FOLDS else STRENGTHS[0]
    return _logistic(strength).fit(x, y)


def _logistic(strength: float) -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=2000))


def _strength(x: np.ndarray, y: np.ndarray) -> float:
    """The inverse regularisation that says most about trials left out of the training trials.

    A strongly regularised classifier is unsure of rare outcomes and calls them too seldom."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    likelihood = [
        cross_val_score(_logistic(strength), x, y, cv=folds, scoring="neg_log_loss").mean()
        for strength in STRENGTHS
    ]
    return STRENGTHS[int(np.argmax(likelihood))]


STRENGTHS = (0.1, 1.0, 10.0, 100.0)
FOLDS = 3
"""Of the training trials, to choose the regularisation of the lick classifier."""


def behaviour_vectors(session: Session, trials: TrialSet) -> np.ndarray:
    """Filtered behaviour as vectors (trial, D)."""
    filtered = window_behaviour(trials.behaviour, session.features.windows[0])
    return filtered.reshape(len(filtered), -1)


def lick_accuracy(readers: Readers) -> float:
    """Accuracy of the classifier on test trials; NaN without one."""
    if readers.lick is None:
        return float("nan")
    right = [_by_lick(s, s.test, readers) == s.test.outcomes for s in readers.sessions]
    return float(np.concatenate(right).mean())


def frequencies(contender: Contender, readers: Readers) -> pd.DataFrame:
    """Frequency of every outcome by every method, mean over sessions with equal weight."""
    tables = []
    for method, label in _METHODS.items():
        labelled = [
            label(session, contender.trials[session.name], readers) for session in readers.sessions
        ]
        found = [labels for labels in labelled if labels is not None]
        if found:
            tables.append(_frequency_table(found, readers).assign(method=method))
    if not tables:
        return pd.DataFrame(columns=["contender", "seed", "method", "outcome", "frequency", "n"])
    table = pd.concat(tables, ignore_index=True).assign(
        contender=contender.name, seed=contender.seed
    )
    return table[["contender", "seed", "method", "outcome", "frequency", "n"]]


def recorded_frequencies(readers: Readers) -> pd.DataFrame:
    """Frequencies in the recorded trials that each method looks at, contender "data"."""
    tables = []
    for method, label in _METHODS.items():
        used = [s for s in readers.sessions if label(s, s.test, readers) is not None]
        if used:
            labels = [s.recorded.outcomes for s in used]
            tables.append(_frequency_table(labels, readers).assign(method=method))
    if not tables:
        return pd.DataFrame(columns=["contender", "seed", "method", "outcome", "frequency", "n"])
    return pd.concat(tables, ignore_index=True).assign(contender="data", seed=-1)


def _frequency_table(labelled: list[np.ndarray], readers: Readers) -> pd.DataFrame:
    recorded = [set(s.recorded.trials["outcome"]) for s in readers.sessions]
    names = sorted(set().union(*recorded, *map(set, labelled)) - {""})
    shares = [[(labels == name).mean() for name in names] for labels in labelled]
    n = sum(len(labels) for labels in labelled)
    return pd.DataFrame({"outcome": names, "frequency": np.mean(shares, axis=0), "n": n})


def _by_template(session: Session, trials: TrialSet, readers: Readers) -> np.ndarray | None:
    template = readers.templates[session.name]
    if not template.usable:
        return None
    allowed = allowed_outcomes(template.outcomes, trials.conditions, readers.possible)
    return template.label(session.vectors(trials), allowed)


def peaks_hz(session: Session, trials: TrialSet, area: str, window: np.ndarray) -> np.ndarray:
    """Peak over time of the filtered mean rate of an area, (trial,)."""
    rates = session.rates_hz(trials, window)
    return rates[:, session.features.areas.index(area)].max(1)


def data_threshold(session: Session, readers: Readers) -> float:
    """Midpoint between the mean peaks of the training trials with and without activity."""
    area, active = str(readers.analysis.outcome_area), readers.analysis.active_outcome
    peaks = peaks_hz(session, session.train, area, readers.window)
    is_active = (session.train.trials["outcome"] == active).to_numpy()
    if is_active.all() or not is_active.any():
        return float("nan")
    return float((peaks[is_active].mean() + peaks[~is_active].mean()) / 2)


def _by_threshold(
    session: Session, trials: TrialSet, readers: Readers, threshold: float
) -> np.ndarray | None:
    area, active = readers.analysis.outcome_area, readers.analysis.active_outcome
    others = sorted(set(session.recorded.trials["outcome"]) - {active})
    if area not in session.features.areas or len(others) != 1 or not np.isfinite(threshold):
        return None
    peaks = peaks_hz(session, trials, str(area), readers.window)
    return np.array([*others, active])[(peaks > threshold).astype(int)]


def _by_data_threshold(session: Session, trials: TrialSet, readers: Readers) -> np.ndarray | None:
    if readers.analysis.outcome_area not in session.features.areas:
        return None
    return _by_threshold(session, trials, readers, data_threshold(session, readers))


def _by_published(session: Session, trials: TrialSet, readers: Readers) -> np.ndarray | None:
    return _by_threshold(session, trials, readers, readers.analysis.active_hz)


def _by_lick(session: Session, trials: TrialSet, readers: Readers) -> np.ndarray | None:
    if readers.lick is None:
        return None
    return readers.by_behaviour(behaviour_vectors(session, trials), trials.conditions)


_METHODS = {
    "template": _by_template,
    "data threshold": _by_data_threshold,
    "published threshold": _by_published,
    "lick classifier": _by_lick,
}
