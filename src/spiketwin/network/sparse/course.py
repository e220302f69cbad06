"""How a trial of a sparse network goes: silence, a cue that names the condition, the window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiketwin.network.sparse.simulator import Piece, Simulator, random_membrane
from spiketwin.network.sparse.structure import SparseNetwork
from spiketwin.randomness import integer_seed, numpy_generator


@dataclass(frozen=True)
class Course:
    """Frozen input of every condition.

    Attributes
    ----------
    conditions : names.
    lead_steps : before the cue.
    cue : (condition, step, neuron) input before the window.
    window_steps : steps of the window.
    rates : (condition, step, unit) spikes per step of feed-forward units in the window; frozen,
        while the spikes are drawn anew in each trial.
    """

    conditions: tuple[str, ...]
    lead_steps: int
    cue: np.ndarray
    window_steps: int
    rates: np.ndarray


def events(course: Course, condition: int, first_unit: int, seed: int) -> np.ndarray:
    """(event, 2) int32, step of the window and unit of the feed-forward spikes of one trial."""
    active = np.flatnonzero(course.rates[condition].any(0))
    rates = course.rates[condition][:, active]
    drawn = numpy_generator(seed, "feed-forward").random(rates.shape, np.float32) < rates
    step, unit = np.nonzero(drawn)
    return np.stack([step, active[unit] + first_unit], 1).astype(np.int32)


class Window:
    """A trial that has come to the start of its window; goes on piece by piece.

    Parameters
    ----------
    network : what to simulate.
    course : how.
    condition : number of the condition.
    seed : of the initial state, the noise and the feed-forward spikes.
    """

    def __init__(self, network: SparseNetwork, course: Course, condition: int, seed: int) -> None:
        start = random_membrane(network, numpy_generator(seed, "membrane"))
        sample_every = max(1, round(1.0 / network.step_ms))
        self.simulator = Simulator(
            network, start, integer_seed(seed, "noise"), sample_every=sample_every
        )
        self._events = events(course, condition, network.size, seed)
        self._done = 0
        self.simulator.advance(course.lead_steps)
        cue = course.cue[condition]
        if len(cue):
            self.simulator.advance(len(cue), cue)

    def advance(self, steps: int, room: int = 0) -> Piece:
        """Run some steps of the window."""
        first, last = np.searchsorted(self._events[:, 0], [self._done, self._done + steps])
        mine = self._events[first:last] - np.array([self._done, 0], np.int32)
        self._done += steps
        return self.simulator.advance(steps, events=mine, room=room)


def frozen_noise(
    steps: int, neurons: int, step_ms: float, generator: np.random.Generator
) -> np.ndarray:
    """(step, neuron) float32, an Ornstein-Uhlenbeck path for every neuron: dx = -x dt / 20 ms + .2
    dW, from 0 (s.d. .63)."""
    path = np.empty((steps, neurons), np.float32)
    x = np.zeros(neurons, np.float32)
    scale = np.float32(0.2 * np.sqrt(step_ms))
    decay = np.float32(1 - step_ms / 20)
    for step in range(steps):
        x = decay * x + scale * generator.standard_normal(neurons, np.float32)
        path[step] = x
    return path


def feedforward_rates(
    steps: int, units: int, step_ms: float, generator: np.random.Generator
) -> np.ndarray:
    """(step, unit) float32 spikes per step: an Ornstein-Uhlenbeck rate around 5 Hz (400 ms),
    smoothed over +- 500 steps, never negative (Kim et al. 2023)."""
    rate = np.full(units, 5.0)
    path = np.empty((steps, units))
    for step in range(steps):
        noise = 0.2 * np.sqrt(step_ms) * generator.standard_normal(units)
        rate = rate + (5 - rate) * step_ms / 400 + noise
        path[step] = rate
    total = np.vstack([np.zeros((1, units)), np.cumsum(path, 0)])
    start = np.maximum(np.arange(steps) - 500, 0)
    stop = np.minimum(np.arange(steps) + 501, steps)
    mean = (total[stop] - total[start]) / (stop - start)[:, None]
    return np.asarray(np.maximum(mean, 0) * step_ms / 1000, np.float32)
