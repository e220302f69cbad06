"""Reference rows of every table: another half of the data, and models that cost nothing.

All are made from the training trials; their conditions occur as in the test trials. Their behaviour
is the mean behaviour of the condition.

    flat Poisson                          rates only
    PSTH-Poisson                          one PSTH
    Poisson per condition                 the PSTH of the condition
    Poisson per condition, shared gain    times one gain per trial and area, drawn from the data
    trial shuffle                         each neuron from a trial of its own, same condition
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from spiketwin.trials.trialset import TrialSet

CEILING = "other half of the data"
PSTH = "PSTH-Poisson"
PER_CONDITION = "Poisson per condition"
FLAT = "flat Poisson"
WITHOUT_SHARED = (FLAT, PSTH, PER_CONDITION)
"""References without any variability that units share."""

Sampler = Callable[[TrialSet, np.ndarray, np.random.Generator], np.ndarray]
"""(training trials, condition of each wanted trial, generator) -> counts (trial, bin, unit)."""


def something_to_match(distances: Mapping[str, tuple[float, float]]) -> bool:
    """Whether every trivial model is further from the test trials than another half of the data is.

    Two standard deviations of the difference decide; an unknown one counts as 0. Where the nearest
    model without shared variability is not further away, no skill means anything. True where the
    distances are unknown.

    Parameters
    ----------
    distances : reference: energy distance at one time scale and its standard deviation; other
        contenders are ignored.
    """
    trivial = [distances[name] for name in WITHOUT_SHARED if name in distances]
    if CEILING not in distances or not trivial:
        return True
    ceiling, nearest = distances[CEILING], min(trivial)
    spread = math.hypot(ceiling[1], nearest[1])
    return nearest[0] - ceiling[0] > 2 * (spread if math.isfinite(spread) else 0.0)


def reference_trials(
    name: str, train: TrialSet, test: TrialSet, trials: int, generator: np.random.Generator
) -> TrialSet:
    """Trials of one reference for one session.

    Parameters
    ----------
    name : one of `REFERENCES`.
    train, test : recorded trials; the test trials give the conditions only.
    trials : how many to make ("other half of the data" has what there is).
    generator : source of randomness.
    """
    if name == CEILING:
        return train
    conditions = np.resize(test.conditions, trials)
    counts = _SAMPLERS[name](train, conditions, generator)
    return replace(
        train,
        counts=counts,
        behaviour=mean_behaviour(train, conditions),
        trials=pd.DataFrame(
            {
                "trial": np.arange(trials),
                "condition": conditions,
                "outcome": "",
                "split": "simulated",
            }
        ),
        stimuli=train.stimuli.iloc[:0],
    )


def mean_behaviour(train: TrialSet, conditions: np.ndarray) -> np.ndarray:
    """Mean behaviour of the condition of each trial, (trial, bin, trace)."""
    found = np.empty((len(conditions), *train.behaviour.shape[1:]), dtype=np.float32)
    for condition in sorted(set(conditions)):
        found[conditions == condition] = _of_condition(train, condition).behaviour.mean(0)
    return found


def _of_condition(train: TrialSet, condition: str) -> TrialSet:
    """Training trials of a condition; all where it has none."""
    chosen = train.where(condition=condition)
    return chosen if len(chosen.trials) else train


def _flat(train: TrialSet, conditions: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    rate = np.broadcast_to(train.counts.mean((0, 1)), train.counts.shape[1:])
    return _poisson(rate, np.ones((len(conditions), 1)), generator)


def _psth(train: TrialSet, conditions: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return _poisson(train.counts.mean(0), np.ones((len(conditions), 1)), generator)


def _poisson(rate: np.ndarray, gains: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Counts (trial, bin, unit) of rates (bin, unit) times gains (trial, unit or 1).

    Trial by trial: the numbers of all trials at once, 8 bytes each, would leave the cache."""
    counts = np.empty((len(gains), *rate.shape), dtype=np.uint16)
    for trial, gain in zip(counts, gains, strict=True):
        trial[:] = generator.poisson(rate * gain)
    return counts


def _each_condition(
    train: TrialSet,
    conditions: np.ndarray,
    sample: Callable[[TrialSet, int], np.ndarray],
) -> np.ndarray:
    counts = np.empty((len(conditions), *train.counts.shape[1:]), dtype=np.uint16)
    for condition in sorted(set(conditions)):
        rows = conditions == condition
        counts[rows] = sample(_of_condition(train, condition), int(rows.sum()))
    return counts


def _per_condition(
    train: TrialSet, conditions: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    def sample(chosen: TrialSet, n: int) -> np.ndarray:
        return _poisson(chosen.counts.mean(0), np.ones((n, 1)), generator)

    return _each_condition(train, conditions, sample)


def _shared_gain(
    train: TrialSet, conditions: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    area = train.units["area"].to_numpy(dtype=str)

    def sample(chosen: TrialSet, n: int) -> np.ndarray:
        rate, rows = chosen.counts.mean(0), generator.integers(len(chosen.trials), size=n)
        gain = np.ones((n, len(area)))
        for name in sorted(set(area)):
            totals = chosen.counts[:, :, area == name].sum((1, 2), dtype=float)
            gain[:, area == name] = (totals / max(totals.mean(), 1e-9))[rows, None]
        return _poisson(rate, gain, generator)

    return _each_condition(train, conditions, sample)


def _shuffled(
    train: TrialSet, conditions: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    def sample(chosen: TrialSet, n: int) -> np.ndarray:
        units = chosen.counts.shape[2]
        rows = generator.integers(len(chosen.trials), size=(n, units))
        return chosen.counts[rows, :, np.arange(units)].swapaxes(1, 2)

    return _each_condition(train, conditions, sample)


_SAMPLERS: dict[str, Sampler] = {
    FLAT: _flat,
    PSTH: _psth,
    PER_CONDITION: _per_condition,
    "Poisson per condition, shared gain": _shared_gain,
    "trial shuffle": _shuffled,
}

REFERENCES = (CEILING, *_SAMPLERS)
"""Names of the references, the ceiling first."""
