"""Trials of a sparse network without learning, several at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiketwin.network.sparse.course import Course, Window
from spiketwin.network.sparse.structure import SparseNetwork
from spiketwin.network.threads import shared
from spiketwin.randomness import integer_seed


@dataclass(frozen=True)
class Observed:
    """Trials of one condition.

    Attributes
    ----------
    input : (trial, instant, row) mean total input of the trained neurons between two instants.
    counts : (trial, instant, neuron) uint16, spikes of all neurons.
    fast : (trial, instant, neuron) static input of the first neurons, at the end of each instant.
    """

    input: np.ndarray
    counts: np.ndarray
    fast: np.ndarray


def observe(
    network: SparseNetwork,
    course: Course,
    condition: int,
    every: int,
    trials: int,
    seed: int,
    fast: int = 0,
) -> Observed:
    """Simulate trials of one condition.

    Parameters
    ----------
    network, course, condition : what and how.
    every : steps between instants.
    trials : how many.
    seed : trial k depends on the seed and k only.
    fast : neurons whose static input is kept.
    """
    instants = course.window_steps // every
    inputs = np.zeros((trials, instants, len(network.trained)), np.float32)
    counts = np.zeros((trials, instants, network.size), np.uint16)
    static = np.zeros((trials, instants, min(fast, network.size)), np.float32)
    _ = network.outgoing  # sorted once, before the trials share it

    def work(first: int, last: int) -> None:
        for trial in range(first, last):
            window = Window(network, course, condition, integer_seed(seed, condition, trial))
            for instant in range(instants):
                piece = window.advance(every)
                inputs[trial, instant] = (piece.input + network.drive)[network.trained]
                counts[trial, instant] = piece.counts
                static[trial, instant] = window.simulator.fast[: static.shape[2]]

    shared(work, trials)
    return Observed(inputs, counts, static)


def observed_spikes(
    network: SparseNetwork, course: Course, condition: int, every: int, trials: int, seed: int
) -> np.ndarray:
    """(trial, bin, row) uint16 spikes of the trained neurons, as `observe`."""
    bins = course.window_steps // every
    counts = np.zeros((trials, bins, len(network.trained)), np.uint16)
    _ = network.outgoing

    def work(first: int, last: int) -> None:
        for trial in range(first, last):
            window = Window(network, course, condition, integer_seed(seed, condition, trial))
            for k in range(bins):
                counts[trial, k] = window.advance(every).counts[network.trained]

    shared(work, trials)
    return counts
