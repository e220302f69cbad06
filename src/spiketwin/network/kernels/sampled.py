"""Gradient of a tile of trials where a roulette left few sites; equations in `backward`.

The sum over the posts is a dot product per site. All steps of a tile run here, so that small
batches do not wait for the interpreter.
"""

from __future__ import annotations

import numpy as np

from spiketwin.network.kernels.backward import AFTER, SCRATCH_ROWS, decayed, to_constants, to_spikes
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
from spiketwin.network.kernels.rows import dot, four_dots
from spiketwin.network.kernels.weights import weights_back

STEPS = 16
"""Steps whose events are sorted together for the gradient of the weights."""


@compiled
def tile_back_sampled(
    circuit: Circuit,
    escape: Escape,
    course: Course,
    events: Events,
    surrogate: Surrogate,
    incoming: Incoming,
    gradients: Gradients,
    first: int,
    tile: int,
) -> None:
    """All steps of trials first ... first + tile - 1, backwards.

    Parameters
    ----------
    circuit, escape, course, events, surrogate : the run.
    incoming, gradients : gradients from outside; gradients to add to.
    """
    neurons, window = circuit.decay.shape[0], len(course.bin)
    number = circuit.decay.dtype
    history = np.zeros((circuit.delays.max() + STEPS, tile, neurons), number)
    adapting = np.zeros((tile, neurons if escape.adaptation > 0 else 0), number)
    rows = np.zeros((SCRATCH_ROWS, neurons + neurons % 2), number)
    received = np.empty(neurons, number)
    for back in range(window):
        inside = window - 1 - back
        now, following = inside % history.shape[0], (inside + 1) % history.shape[0]
        for k in range(tile):
            trial, h = first + k, history[now, k]
            decayed(circuit, history[following, k], rows, h)
            _at_sites(
                circuit, escape, course, surrogate, incoming, history, adapting, rows, received,
                trial, k, inside,
            )  # fmt: skip
            to_constants(circuit, course, gradients, rows, h, trial, inside)
            to_spikes(circuit, course, events, incoming, gradients, rows, trial, inside)
        if inside % STEPS == 0:
            stop = min(inside + STEPS, window)
            weights_back(circuit, course, events, gradients, history, first, inside, stop, 0, 1)


@compiled
def _at_sites(
    circuit: Circuit,
    escape: Escape,
    course: Course,
    surrogate: Surrogate,
    incoming: Incoming,
    history: np.ndarray,
    adapting: np.ndarray,
    rows: np.ndarray,
    received: np.ndarray,
    trial: int,
    k: int,
    inside: int,
) -> None:
    """Add what the spikes at the sites of a step pass on to the voltage and the adaptation."""
    begin, stop = surrogate.end[trial, inside], surrogate.end[trial, inside + 1]
    site = surrogate.site[trial, begin:stop]
    _receive(circuit, course, history, site, received, k, inside)
    counts = incoming.counts[trial, course.bin[inside]]
    h, after = history[inside % history.shape[0], k], rows[AFTER]
    keep = rows.dtype.type(escape.keep)
    rise = rows.dtype.type(1 - escape.keep)
    for n in range(len(site)):
        j = site[n]
        spike = received[n] + counts[j]
        for trace in range(circuit.readout.shape[0]):
            spike += incoming.projected[trial, inside, trace] * circuit.readout[trace, j]
        if adapting.shape[1]:
            spike += rise * adapting[k, j]
        change = spike - circuit.reset[j] * after[j]
        h[j] += surrogate.slope[trial, begin + n] * change
        received[n] = change
    for j in range(adapting.shape[1]):
        adapting[k, j] *= keep
    if adapting.shape[1]:
        for n in range(len(site)):
            adapting[k, site[n]] -= surrogate.bend[trial, begin + n] * received[n]


@compiled
def _receive(
    circuit: Circuit,
    course: Course,
    history: np.ndarray,
    site: np.ndarray,
    received: np.ndarray,
    k: int,
    inside: int,
) -> None:
    """Sum over delays and posts of W h at the sites, four sites at a time."""
    neurons, length = circuit.decay.shape[0], history.shape[0]
    received[: len(site)] = 0
    for d in range(len(circuit.delays)):
        if inside + circuit.delays[d] >= len(course.bin):
            continue
        h = history[(inside + circuit.delays[d]) % length, k]
        weights = circuit.recurrent[d * neurons : (d + 1) * neurons]
        n = 0
        while n + 4 <= len(site):
            low, high = circuit.reach[site[n], 0], circuit.reach[site[n], 1]
            for m in range(n + 1, n + 4):
                low = min(low, circuit.reach[site[m], 0])
                high = max(high, circuit.reach[site[m], 1])
            sums = four_dots(weights, site[n : n + 4], h, low, high)
            for m in range(4):
                received[n + m] += sums[m]
            n += 4
        while n < len(site):
            low, high = circuit.reach[site[n]]
            received[n] += dot(weights[site[n], low:high], h[low:high])
            n += 1
