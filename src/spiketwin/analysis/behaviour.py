"""Behaviour: its average per outcome, and the prediction of held-out movements.

Prediction: each held-out recorded trial is matched to the k simulated trials whose neural features
are nearest (k chosen on validation trials); the mean behaviour of these is the prediction. Beside
it stand the same predictions given to the wrong trials ("shuffled") and the recorded mean of the
condition.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spiketwin.analysis.contenders import Contender, Session
from spiketwin.analysis.energy import rms_distances
from spiketwin.analysis.outcomes import Readers
from spiketwin.analysis.references import mean_behaviour
from spiketwin.config import Config
from spiketwin.randomness import numpy_generator
from spiketwin.trials.trialset import TrialSet

NEIGHBOURS = (1, 3, 10, 30, 100)
EXAMPLES = 6


def courses(contender: Contender, readers: Readers) -> pd.DataFrame:
    """Behaviour per outcome over time, trials of all sessions together."""
    gathered: dict[str, list[np.ndarray]] = {}
    for session in readers.sessions:
        trials = contender.trials[session.name]
        labels = readers.labels(session, trials)
        gathered.setdefault("all", []).append(trials.behaviour)
        for outcome in sorted(set(labels) - {"all"}):
            gathered.setdefault(outcome, []).append(trials.behaviour[labels == outcome])
    first, parts = readers.sessions[0].recorded, []
    for outcome, pieces in gathered.items():
        values = np.concatenate(pieces)
        for k, trace in enumerate(first.traces):
            columns = {
                "time_s": first.time_s,
                "mean": values[:, :, k].mean(0),
                "sem": values[:, :, k].std(0) / np.sqrt(len(values)),
            }
            parts.append(pd.DataFrame(columns).assign(trace=trace, outcome=outcome))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(contender=contender.name, seed=contender.seed)


@dataclass(frozen=True)
class Predicted:
    """Predictions for the test trials of one session, each (trial, bin, trace)."""

    session: Session
    by_predictor: dict[str, np.ndarray]
    outcome: np.ndarray


def predict(session: Session, simulated: TrialSet, seed: int) -> Predicted:
    """Match test trials to simulated ones on neural features alone."""
    k = _choose_neighbours(session, simulated)
    matched = _neighbour_mean(session, session.test, simulated, k)
    order = _derangement(len(matched), numpy_generator(seed, "shuffled", session.name))
    conditions = session.test.conditions
    return Predicted(
        session,
        {
            "matched": matched,
            "shuffled": matched[order],
            "condition mean": mean_behaviour(session.train, conditions),
        },
        session.test.outcomes,
    )


def _derangement(n: int, generator: np.random.Generator) -> np.ndarray:
    """A random order in which no trial keeps its place."""
    cycle = generator.permutation(n)
    order = np.empty(n, dtype=int)
    order[cycle] = np.roll(cycle, 1)
    return order


def _choose_neighbours(session: Session, simulated: TrialSet) -> int:
    """Number of neighbours with the smallest squared error on validation trials."""
    recorded = session.validation
    if not len(recorded.trials):
        return NEIGHBOURS[2]
    errors = {
        k: ((_neighbour_mean(session, recorded, simulated, k) - recorded.behaviour) ** 2).mean()
        for k in NEIGHBOURS
        if k <= len(simulated.trials)
    }
    return min(errors, key=lambda k: errors[k])


def _neighbour_mean(
    session: Session, recorded: TrialSet, simulated: TrialSet, k: int
) -> np.ndarray:
    """Mean behaviour of the k nearest simulated trials, of the same condition if it has any; of
    all of that condition where it has fewer than k."""
    distance = rms_distances(session.vectors(recorded), session.vectors(simulated))
    found = np.zeros((len(recorded.trials), *simulated.behaviour.shape[1:]))
    everywhere = np.arange(len(simulated.trials))
    for condition in set(recorded.conditions):
        rows = recorded.conditions == condition
        pool = np.flatnonzero(simulated.conditions == condition)
        pool = pool if len(pool) else everywhere
        of_pool, few = distance[np.ix_(rows, pool)], min(k, len(pool))
        nearest = np.argpartition(of_pool, few - 1, axis=1)[:, :few]
        found[rows] = simulated.behaviour[pool[nearest]].mean(1)
    return found


def prediction_tables(
    contender: Contender, sessions: Sequence[Session], config: Config
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables `prediction` and `prediction_trials` of one model."""
    read = set(config.models[contender.name].read_areas)
    seen = [s for s in sessions if not read or read & set(s.features.areas)] or list(sessions)
    seed = config.analysis.reference_seed
    found = [predict(session, contender.trials[session.name], seed) for session in seen]
    scores, examples = _prediction_scores(found), _example_trials(found[0])
    return (
        scores.assign(contender=contender.name, seed=contender.seed),
        examples.assign(contender=contender.name, seed=contender.seed),
    )


def _prediction_scores(found: list[Predicted]) -> pd.DataFrame:
    rows = []
    outcomes = np.concatenate([one.outcome for one in found])
    recorded = np.concatenate([one.session.test.behaviour for one in found])
    for predictor in found[0].by_predictor:
        predicted = np.concatenate([one.by_predictor[predictor] for one in found])
        for k, trace in enumerate(found[0].session.recorded.traces):
            for outcome in ("all", *sorted(set(outcomes) - {"all"})):
                rows_of = np.ones(len(outcomes), bool) if outcome == "all" else outcomes == outcome
                y, p = recorded[rows_of, :, k], predicted[rows_of, :, k]
                rows += [
                    (trace, predictor, outcome, score, value, sd, len(y))
                    for score, (value, sd) in trace_scores(y, p).items()
                ]
    names = ["trace", "predictor", "outcome", "score", "value", "sd", "n"]
    return pd.DataFrame(rows, columns=names)


def trace_scores(recorded: np.ndarray, predicted: np.ndarray) -> dict[str, tuple[float, float]]:
    """R2 (over trials and time), mean correlation and squared error of trials, with spreads.

    Parameters
    ----------
    recorded, predicted : (trial, bin).
    """
    error = ((recorded - predicted) ** 2).mean(1)
    total = ((recorded - recorded.mean()) ** 2).mean()
    x, y = (values - values.mean(1, keepdims=True) for values in (predicted, recorded))
    norm = np.sqrt((x**2).sum(1) * (y**2).sum(1))
    correlation = np.where(norm > 0, (x * y).sum(1) / np.where(norm > 0, norm, 1), 0.0)
    root = np.sqrt(len(error))
    return {
        "r2": (float(1 - error.mean() / total), float(error.std() / root / total)),
        "correlation": (float(correlation.mean()), float(correlation.std() / root)),
        "mse": (float(error.mean()), float(error.std() / root)),
    }


def _example_trials(found: Predicted) -> pd.DataFrame:
    """A few test trials of every outcome with their prediction."""
    test, parts = found.session.test, []
    for outcome in sorted(set(found.outcome)):
        for trial in np.flatnonzero(found.outcome == outcome)[:EXAMPLES]:
            for k, trace in enumerate(test.traces):
                columns = {
                    "time_s": test.time_s,
                    "recorded": test.behaviour[trial, :, k],
                    "predicted": found.by_predictor["matched"][trial, :, k],
                }
                parts.append(
                    pd.DataFrame(columns).assign(trace=trace, trial=int(trial), outcome=outcome)
                )
    return pd.concat(parts, ignore_index=True)
