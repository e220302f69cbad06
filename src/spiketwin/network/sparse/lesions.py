"""What is done to networks after learning: neurons silenced, weights shuffled, a single spike taken
away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spiketwin.network.sparse.course import Course, Window
from spiketwin.network.sparse.simulator import Simulator
from spiketwin.network.sparse.structure import SparseNetwork


def silenced(network: SparseNetwork, neurons: np.ndarray) -> SparseNetwork:
    """The same network, in which the spikes of some neurons reach nobody."""
    weights = np.where(np.isin(network.inputs, neurons), 0, network.weights)
    static = network.static.weights.copy()
    static[neurons] = 0
    without = replace(network, static=replace(network.static, weights=static))
    return without.with_weights(weights.astype(network.weights.dtype))


def shuffled(
    network: SparseNetwork, rows: int, share: float, generator: np.random.Generator
) -> SparseNetwork:
    """The same network, in which a share of the weights between the first rows has changed places.

    Parameters
    ----------
    network : after learning.
    rows : both ends of these synapses are among so many first trained neurons.
    share : of these synapses, drawn at random; their weights are permuted.
    generator : draws synapses and permutation.
    """
    among = np.isin(network.inputs, network.trained[:rows])
    among[rows:] = False
    among &= np.arange(network.inputs.shape[1]) < network.number[:, None]
    places = generator.permutation(np.flatnonzero(among))
    places = places[: round(share * len(places))]
    weights = network.weights.copy()
    weights.reshape(-1)[places] = network.weights.reshape(-1)[generator.permutation(places)]
    return network.with_weights(weights)


def withdraw(network: SparseNetwork, simulator: Simulator, neuron: int) -> None:
    """Take away what a spike of the last step did to other neurons."""
    simulator.filtered[neuron] -= network.slow.jump
    static, outgoing = network.static, network.outgoing
    first, middle, last = static.first[neuron], static.boundary[neuron], static.first[neuron + 1]
    jump = static.weights[neuron] * network.fast.jump
    simulator.fast[static.targets[first:middle]] -= jump[0]
    simulator.fast[static.targets[middle:last]] -= jump[1]
    mine = slice(outgoing.first[neuron], outgoing.first[neuron + 1])
    change = network.weights.reshape(-1)[outgoing.place[mine]] * network.slow.jump
    simulator.slow[outgoing.target[mine]] -= change


def divergence(
    network: SparseNetwork, course: Course, condition: int, every: int, after: int, seed: int
) -> np.ndarray:
    """(instant,) root mean square difference of the input of all trained neurons between a trial
    and the same trial without one spike; NaN before it, and where there is none. Empty where the
    window ends before.

    Parameters
    ----------
    network, course, condition, seed : the trial; without noise.
    every : steps between instants.
    after : step of the window from which on the next spike is taken away.
    """
    number, step = max(0, (course.window_steps - after) // every - 1), after
    whole, changed = (Window(network, course, condition, seed) for _ in range(2))
    for window in (whole, changed):
        window.advance(min(after, course.window_steps))
    spikes = np.zeros((0, 2), int)
    while not len(spikes) and step < course.window_steps - every:
        spikes = whole.advance(1, room=1).spikes
        changed.advance(1)
        step += 1
    if not len(spikes):
        return np.full(number, np.nan)
    withdraw(network, changed.simulator, int(spikes[0, 1]))
    late = (step - after - 1) // every
    found = [np.nan] * late
    for _ in range(number - late):
        inputs = [window.advance(every).input[network.trained] for window in (whole, changed)]
        found.append(np.sqrt(np.mean((inputs[0] - inputs[1]) ** 2)))
    return np.array(found)


def spectral_radius(network: SparseNetwork) -> float:
    """Largest absolute eigenvalue of the plastic weights between neurons."""
    dense = np.zeros((network.size, network.size))
    rows = zip(network.trained, network.inputs, network.number, network.weights, strict=True)
    for neuron, inputs, number, weights in rows:
        recurrent = inputs[:number] < network.size
        dense[neuron, inputs[:number][recurrent]] = weights[:number][recurrent]
    return float(np.abs(np.linalg.eigvals(dense)).max())
