"""The simulator in plain numpy: the readable truth of `advance`."""

from __future__ import annotations

import numpy as np

from spiketwin.network.sparse.membranes import PEAK_MV
from spiketwin.network.sparse.structure import LIF, THETA, SparseNetwork


def simulate_plainly(
    network: SparseNetwork,
    membrane: np.ndarray,
    steps: int,
    stimulus: np.ndarray | None = None,
    events: np.ndarray | None = None,
    normals: np.ndarray | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Run from silent synapses.

    Parameters
    ----------
    network : what to simulate.
    membrane : (variable, neuron) state at the start; changed.
    steps : how many.
    stimulus : (step, neuron) added input.
    events : (step, unit) spikes of feed-forward units.
    normals : (step, neuron) standard normal numbers of the noise; absent: no noise.

    Returns
    -------
    (step, neuron) bool, who fired; currents and filtered trains at the end.
    """
    static, plastic = dense_static(network), dense_plastic(network)
    fast, slow = np.zeros(network.size), np.zeros(network.size)
    filtered, held = np.zeros(network.units), np.zeros(network.size)
    fired = np.zeros((steps, network.units))
    for step in range(steps):
        current = network.drive + fast + slow
        if stimulus is not None and step < len(stimulus):
            current = current + stimulus[step]
        if normals is not None:
            noisy = current if network.neurons.noisy_current else membrane[0]
            noisy += network.neurons.noise * normals[step]
        spikes = fired[step]
        spikes[: network.size] = _fire(network, membrane, held, current)
        if events is not None:
            np.add.at(spikes, events[events[:, 0] == step, 1], 1)
        jump = spikes[: network.size] * network.fast.jump
        fast = fast * network.fast.decay + static @ jump
        slow = slow * network.slow.decay + plastic @ (spikes * network.slow.jump)
        filtered = filtered * network.slow.decay + spikes * network.slow.jump
    return fired[:, : network.size] > 0, {"fast": fast, "slow": slow, "filtered": filtered}


def dense_static(network: SparseNetwork) -> np.ndarray:
    """(post, pre) static weights."""
    static, found = network.static, np.zeros((network.size, network.size))
    for unit in range(network.size):
        first, middle, last = static.first[unit], static.boundary[unit], static.first[unit + 1]
        np.add.at(found[:, unit], static.targets[first:middle], static.weights[unit, 0])
        np.add.at(found[:, unit], static.targets[middle:last], static.weights[unit, 1])
    return found


def dense_plastic(network: SparseNetwork) -> np.ndarray:
    """(post, unit) plastic weights."""
    found = np.zeros((network.size, network.units))
    rows = zip(network.trained, network.inputs, network.number, network.weights, strict=True)
    for neuron, inputs, number, weights in rows:
        np.add.at(found[neuron], inputs[:number], weights[:number])
    return found


def _fire(
    network: SparseNetwork, membrane: np.ndarray, held: np.ndarray, current: np.ndarray
) -> np.ndarray:
    """Advance the membranes one step, in place; who fired."""
    parameters, kind = network.neurons.parameters.astype(float), network.neurons.kind
    if kind == LIF:
        return _fire_lif(membrane[0], held, current, parameters, network.neurons.refractory)
    if kind == THETA:
        return _fire_theta(membrane[0], current, parameters[0])
    return _fire_izhikevich(membrane, current, parameters)


def _fire_lif(
    v: np.ndarray, held: np.ndarray, current: np.ndarray, parameters: np.ndarray, refractory: int
) -> np.ndarray:
    share, threshold, reset = parameters
    free = held == 0
    v += np.where(free, share * (current - v), 0)
    held -= ~free
    fired: np.ndarray = v > threshold
    v[fired], held[fired] = reset[fired], refractory
    return fired


def _fire_theta(theta: np.ndarray, current: np.ndarray, h: np.ndarray) -> np.ndarray:
    def slope(phase: np.ndarray) -> np.ndarray:
        moved: np.ndarray = 1 - np.cos(phase) + current * (1 + np.cos(phase))
        return moved

    k1 = slope(theta)
    k2 = slope(theta + h / 2 * k1)
    k3 = slope(theta + h / 2 * k2)
    k4 = slope(theta + h * k3)
    theta += h * (k1 + 2 * k2 + 2 * k3 + k4) / 6
    fired: np.ndarray = theta > np.pi
    theta[fired] -= 2 * np.pi
    theta[theta <= -np.pi] += 2 * np.pi
    return fired


def _fire_izhikevich(
    membrane: np.ndarray, current: np.ndarray, parameters: np.ndarray
) -> np.ndarray:
    (v, w), (h, a, b, c, d) = membrane, parameters
    peaked = v >= PEAK_MV
    v[peaked], w[peaked] = c[peaked], (w + d)[peaked]
    x = v.copy()
    for _ in range(2):
        x += h / 2 * ((0.04 * x + 5) * x + 140 - w + current)
    w += h * a * (b * x - w)
    v[:] = np.minimum(x, PEAK_MV)
    return x >= PEAK_MV
