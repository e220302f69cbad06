"""Rate matching behind the common protocol: a step is a loop, one trial of every condition."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch

from spiketwin.config import RlsLearning
from spiketwin.learning.protocol import FitState, Record
from spiketwin.learning.rls.regressors import Regressors
from spiketwin.learning.rls.rule import Rule, rate
from spiketwin.learning.rls.trial import Learned, learning_trial
from spiketwin.network.sparse.course import Course
from spiketwin.network.sparse.observe import Observed, observe
from spiketwin.network.sparse.structure import SparseNetwork
from spiketwin.randomness import integer_seed
from spiketwin.trials.targets import RATE, Targets, smoothed


@dataclass(frozen=True)
class RlsFitter:
    """Recursive least squares inside the trial.

    Attributes
    ----------
    learning : settings.
    rule, regressors : of the least squares.
    targets : (condition, instant, row).
    course : of the trials.
    seed : trial k of the fit depends on it and on k only.
    """

    learning: RlsLearning
    rule: Rule
    regressors: Regressors
    targets: Targets
    course: Course
    seed: int

    @property
    def steps(self) -> int:
        """Loops."""
        return self.learning.steps

    def start(self, network: SparseNetwork) -> FitState:
        """Untrained weights, the prior."""
        weights = {"weights": torch.from_numpy(network.weights.copy())}
        return FitState(0, weights, weights, self.rule.start(self.regressors))

    def step(self, network: SparseNetwork, state: FitState) -> tuple[FitState, Record]:
        """One trial of every condition; the memory is changed in place, the weights are new."""
        weights = state.parameters["weights"].numpy().copy()
        learning = network.with_weights(weights)
        memory, number = dict(state.memory), state.step + 1
        seen = []
        for k in range(len(self.targets.conditions)):
            seed = integer_seed(self.seed, "learning", number, k)
            targets = self.targets.values[k].astype(weights.dtype)
            try:
                seen.append(
                    learning_trial(
                        learning, self.regressors, memory, self.rule, self.course, k, targets, seed
                    )
                )
            except torch.linalg.LinAlgError:
                return replace(state, step=number), self._singular(number)
        parameters = {"weights": torch.from_numpy(weights)}
        after = FitState(number, parameters, parameters, memory)
        return after, self._record(number, seen, weights)

    def _singular(self, number: int) -> Record:
        """A step whose least squares have no solution in the precision of the weights."""
        nan = math.nan
        trouble = (
            "learning diverged (the least squares are singular; a larger learning.ridge helps)"
        )
        return Record(number, nan, 0, nan, nan, nan, nan, trouble=trouble)

    def _record(self, number: int, seen: list[Learned], weights: np.ndarray) -> Record:
        initial, rate = self.regressors.initial, float(np.mean([one.rate_hz for one in seen]))
        size = float(np.linalg.norm(initial)) or 1.0
        trouble, largest = "", self.learning.largest_rate_hz
        if rate > largest:
            trouble = (
                f"learning diverged ({rate:.0f} Hz, more than learning.largest_rate_hz "
                f"{largest:g}; a larger learning.row_sum, ridge or growth slows it down)"
            )
        return Record(
            step=number,
            learning_rate=math.nan,
            batch=len(seen),
            loss_neuron=float(np.mean([one.error for one in seen])),
            loss_trial=math.nan,
            rate_hz=rate,
            weight_change=float(np.linalg.norm(weights - initial)) / size,
            gain=seen[-1].gain,
            trouble=trouble,
        )


@dataclass(frozen=True)
class DriveScore:
    """1 minus the correlation of trial-averaged input and target, mean over cells and conditions.

    Attributes
    ----------
    targets, course : as for the fitter.
    trials : of each condition; not those of learning.
    points : instants of the running mean.
    seed : the same trials at every evaluation.
    largest_rate_hz : networks whose mean rate is above it have the worst score.
    """

    targets: Targets
    course: Course
    trials: int
    points: int
    seed: int
    largest_rate_hz: float = math.inf

    def __call__(self, network: SparseNetwork) -> float:
        """Score of a network."""
        found = []
        for k in range(len(self.targets.conditions)):
            seen = self.seen(network, k)
            if self.explodes(network, seen):
                return WORST
            inputs = rate(seen.input) if self.targets.kind == RATE else seen.input
            average = smoothed(inputs, self.points).mean(0)
            found.append(correlations(average, self.targets.values[k])[: self.targets.wanted])
        return _distance(found)

    def seen(self, network: SparseNetwork, condition: int) -> Observed:
        """Its trials of a condition."""
        every = self.course.window_steps // self.targets.instants
        seed = integer_seed(self.seed, "held out")
        return observe(network, self.course, condition, every, self.trials, seed)

    def explodes(self, network: SparseNetwork, seen: Observed) -> bool:
        """Learning would count as diverging in such trials."""
        seconds = self.course.window_steps * network.step_ms / 1000
        per_trial = seen.counts.sum((1, 2), dtype=float) / network.size
        return float(per_trial.mean()) / seconds > self.largest_rate_hz


@dataclass(frozen=True)
class RateScore:
    """1 minus the correlation of trial-averaged rates with held-out averages of the recording.

    Attributes
    ----------
    driven : its trials are used.
    held_out : rates in hertz of the validation trials.
    """

    driven: DriveScore
    held_out: Targets

    def __call__(self, network: SparseNetwork) -> float:
        """Score of a network; cells silent on either side do not count."""
        found = []
        for k, condition in enumerate(self.held_out.conditions):
            place = self.driven.course.conditions.index(condition)
            seen = self.driven.seen(network, place)
            if self.driven.explodes(network, seen):
                return WORST
            counts = seen.counts[:, :, network.trained]
            average = smoothed(counts.mean(0, keepdims=True), self.driven.points)[0]
            found.append(correlations(average, self.held_out.values[k]))
        return _distance(found)


WORST = 2.0
"""Score of a network that explodes, or in which no cell varies; NaN would count as better than
anything."""


def _distance(found: list[np.ndarray]) -> float:
    """1 minus the mean correlation of the cells that have one."""
    values = np.concatenate(found)
    values = values[np.isfinite(values)]
    return 1 - float(values.mean()) if len(values) else WORST


def correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(cell,) Pearson correlation over time of (instant, cell); NaN where one is constant."""
    a, b = one - one.mean(0), other - other.mean(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = (a * b).sum(0) / np.sqrt((a**2).sum(0) * (b**2).sum(0))
    return found
