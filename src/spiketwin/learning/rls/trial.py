"""One trial with learning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiketwin.learning.rls.kernels import project
from spiketwin.learning.rls.regressors import Regressors, Samples
from spiketwin.learning.rls.rule import Memory, Rule, compare
from spiketwin.network.sparse.course import Course, Window
from spiketwin.network.sparse.structure import SparseNetwork


@dataclass(frozen=True)
class Learned:
    """What a trial with learning tells.

    Attributes
    ----------
    error : mean squared error at the learning instants, before they are learned.
    rate_hz : mean rate of all neurons in the window.
    gain : of the last update, largest over neurons; see `sequential.absorb`.
    """

    error: float
    rate_hz: float
    gain: float


def learning_trial(
    network: SparseNetwork,
    regressors: Regressors,
    memory: Memory,
    rule: Rule,
    course: Course,
    condition: int,
    targets: np.ndarray,
    seed: int,
) -> Learned:
    """Run a trial and change the weights of the network and the memory of the rule, in place.

    Parameters
    ----------
    network, course, condition, seed : the trial.
    regressors, memory, rule : how weights are learned.
    targets : (instant, row).
    """
    weights, window = network.weights, Window(network, course, condition, seed)
    every = course.window_steps // len(targets)
    squared, spikes, pending = 0.0, 0, []
    for instant, target in enumerate(targets):
        error, scale = compare(network, window, weights, target, rule.kind)
        squared += float(np.mean(error**2))
        pending.append((window.simulator.filtered.copy(), error, scale))
        if len(pending) == rule.size or instant == len(targets) - 1:
            samples = _samples(pending)
            samples = samples.centred() if rule.centred else samples
            gain = rule.absorb(regressors, memory, weights, samples)
            pending = []
            if rule.at_once:
                _reweigh(network, window)
        spikes += int(window.advance(every).counts.sum())
    seconds = course.window_steps * network.step_ms / 1000
    return Learned(squared / len(targets), spikes / network.size / seconds, float(gain.max()))


def _samples(pending: list[tuple[np.ndarray, np.ndarray, np.ndarray | None]]) -> Samples:
    filtered, error, scale = zip(*pending, strict=True)
    scales = None if scale[0] is None else np.stack([s for s in scale if s is not None])
    return Samples(np.stack(filtered), np.stack(error), scales)


def _reweigh(network: SparseNetwork, window: Window) -> None:
    """Input of the trained neurons with the new weights."""
    drive = np.empty(len(network.trained), network.weights.dtype)
    filtered = window.simulator.filtered
    arguments = (network.inputs, network.number, filtered, network.weights, drive)
    project(0, len(drive), *arguments)
    window.simulator.reweigh(drive)
