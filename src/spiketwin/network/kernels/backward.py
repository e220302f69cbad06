"""Gradient of a batch of trials, one time step of one tile of trials at a time.

With h(t) the gradient with respect to the voltage before a possible reset, q(t) the one with
respect to the adaptation, a the decay, k the factor of the adaptation, s and b the derivatives of
the spike (slope and bend), G the gradient with respect to the spike from outside and W^d the signed
weights:

    v(t) = a h(t+1)                                                  after the reset
    e(t) = G(t) + sum_d W^d h(t+d) + (1 - k) q(t+1)                  spike
    h(t) = v(t) + s(t) (e(t) - reset v(t))
    q(t) = k q(t+1) - b(t) (e(t) - reset v(t))

The sum over d is a matrix product that arrives ready made (`step_back`), or is taken at the sites
that a roulette left (`sampled`). h is multiplied with the noise, which is drawn again, for the
noise gradient, and summed over time for the gradient of the drive. `weights` adds it to the
gradient of every synapse that carried something at t.
"""

from __future__ import annotations

import numpy as np

from spiketwin.network.kernels.compiled import compiled
from spiketwin.network.kernels.layout import (
    Circuit,
    Course,
    Escape,
    Events,
    Gradients,
    Incoming,
    Surrogate,
)
from spiketwin.network.kernels.randomness import draw_noise

SCRATCH_ROWS = 3
"""Rows of the backward scratch array: gradient of the spikes, of the voltage after them, noise."""

SPIKE, AFTER, NORMAL = range(SCRATCH_ROWS)


@compiled
def step_back(
    circuit: Circuit,
    escape: Escape,
    course: Course,
    events: Events,
    surrogate: Surrogate,
    incoming: Incoming,
    gradients: Gradients,
    history: np.ndarray,
    recurrent: np.ndarray,
    adapting: np.ndarray,
    rows: np.ndarray,
    first: int,
    inside: int,
    share: int,
    shares: int,
) -> None:
    """One step of the window, backwards, for a tile of trials.

    Parameters
    ----------
    circuit, escape, course, events, surrogate : the run.
    incoming, gradients : gradients from outside; gradients to add to.
    history : (length, tile, neuron), h of the following steps; slot ``inside % length`` is written.
    recurrent : (tile, neuron), sum of W^d h(t+d).
    adapting : (tile, neuron), q(t+1), becomes q(t); no neurons without adaptation.
    rows : (row, neuron) scratch.
    first : first trial of the tile.
    inside : step of the window.
    share, shares : the trials that are taken: every `shares`-th from `share` on.
    """
    now, following = inside % history.shape[0], (inside + 1) % history.shape[0]
    neurons = recurrent.shape[1]
    entries = slice(inside * neurons, (inside + 1) * neurons)
    for k in range(share, recurrent.shape[0], shares):
        trial, h = first + k, history[now, k]
        decayed(circuit, history[following, k], rows, h)
        _outside(circuit, course, incoming, recurrent[k], rows, trial, inside)
        if adapting.shape[1]:
            _adaptation(circuit, escape, surrogate.bend[trial, entries], adapting[k], rows)
        _voltage(circuit, surrogate.slope[trial, entries], rows, h)
        to_constants(circuit, course, gradients, rows, h, trial, inside)
        to_spikes(circuit, course, events, incoming, gradients, rows, trial, inside)


@compiled
def decayed(circuit: Circuit, following: np.ndarray, rows: np.ndarray, h: np.ndarray) -> None:
    """Gradient with respect to the voltage after the reset, into `AFTER` and h."""
    after = rows[AFTER]
    for j in range(h.shape[0]):
        after[j] = circuit.decay[j] * following[j]
        h[j] = after[j]


@compiled
def _outside(
    circuit: Circuit,
    course: Course,
    incoming: Incoming,
    recurrent: np.ndarray,
    rows: np.ndarray,
    trial: int,
    inside: int,
) -> None:
    """Gradient with respect to the spikes."""
    counts = incoming.counts[trial, course.bin[inside]]
    for j in range(recurrent.shape[0]):
        rows[SPIKE, j] = recurrent[j] + counts[j]
    for trace in range(circuit.readout.shape[0]):
        outside = incoming.projected[trial, inside, trace]
        weights = circuit.readout[trace]
        for j in range(weights.shape[0]):
            rows[SPIKE, j] += outside * weights[j]


@compiled
def _adaptation(
    circuit: Circuit, escape: Escape, bend: np.ndarray, q: np.ndarray, rows: np.ndarray
) -> None:
    """Complete the gradient of the spikes, and take that of the adaptation one step back."""
    keep = rows.dtype.type(escape.keep)
    rise = rows.dtype.type(1 - escape.keep)
    for j in range(q.shape[0]):
        rows[SPIKE, j] += rise * q[j]
        q[j] = keep * q[j] - bend[j] * (rows[SPIKE, j] - circuit.reset[j] * rows[AFTER, j])


@compiled
def _voltage(circuit: Circuit, slope: np.ndarray, rows: np.ndarray, h: np.ndarray) -> None:
    """Gradient with respect to the voltage."""
    for j in range(h.shape[0]):
        h[j] += slope[j] * (rows[SPIKE, j] - circuit.reset[j] * rows[AFTER, j])


@compiled
def to_constants(
    circuit: Circuit,
    course: Course,
    gradients: Gradients,
    rows: np.ndarray,
    h: np.ndarray,
    trial: int,
    inside: int,
) -> None:
    """Add to the gradients of the drive and of the noise."""
    neurons = h.shape[0]
    step = course.before + inside
    draw_noise(rows, NORMAL, neurons, step, course.first_trial + trial, course.key)
    drive = gradients.drive[trial]
    for j in range(neurons):
        drive[j] += h[j]
        gradients.noise[j] += h[j] * rows[NORMAL, j]


@compiled
def to_spikes(
    circuit: Circuit,
    course: Course,
    events: Events,
    incoming: Incoming,
    gradients: Gradients,
    rows: np.ndarray,
    trial: int,
    inside: int,
) -> None:
    """Add to the gradients of reset and read-out of the neurons that fire."""
    step = course.before + inside
    for k in range(events.neurons_end[trial, step], events.neurons_end[trial, step + 1]):
        neuron = events.neurons[trial, k]
        gradients.reset[neuron] -= rows[AFTER, neuron]
        for trace in range(circuit.readout.shape[0]):
            gradients.readout[trace, neuron] += incoming.projected[trial, inside, trace]
