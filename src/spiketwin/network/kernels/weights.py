"""Gradient of the weights: h(t) added to the row of every event that arrived at t.

The events of several steps and trials are sorted by their source first. A row of the gradient then
passes through the cache once per block instead of once per event.
"""

from __future__ import annotations

import numpy as np

from spiketwin.network.kernels.compiled import compiled
from spiketwin.network.kernels.layout import Circuit, Course, Events, Gradients
from spiketwin.network.kernels.rows import add_rows


@compiled
def weights_back(
    circuit: Circuit,
    course: Course,
    events: Events,
    gradients: Gradients,
    history: np.ndarray,
    first: int,
    begin: int,
    stop: int,
    share: int,
    shares: int,
) -> None:
    """Add the steps begin ... stop - 1 of the window of a tile of trials.

    Parameters
    ----------
    circuit, course, events : the run.
    gradients : to add to.
    history : (length, tile, neuron), h of these steps at ``step % length``.
    first : first trial of the tile.
    share, shares : the sources that are taken: every `shares`-th from `share` on.
    """
    length, tile, neurons = history.shape
    table = history.reshape(length * tile, neurons)
    recurrent = len(circuit.delays) * neurons
    ends = np.zeros(recurrent + len(circuit.input) + 1, np.int64)
    _visit(circuit, course, events, ends, ends[:0], length, tile, first, begin, stop)
    for source in range(len(ends) - 1):
        ends[source + 1] += ends[source]
    which = np.empty(ends[-1], np.int64)
    _visit(circuit, course, events, ends, which, length, tile, first, begin, stop)
    for source in range(share, recurrent, shares):
        low, high = circuit.reach[source % neurons]
        row = gradients.recurrent[source, low:high]
        add_rows(row, table, which, ends[source - 1] if source else 0, ends[source], low)
    for channel in range(share, len(circuit.input), shares):
        source = recurrent + channel
        row = gradients.input[channel]
        add_rows(row, table, which, ends[source - 1] if source else 0, ends[source], 0)


@compiled
def _visit(
    circuit: Circuit,
    course: Course,
    events: Events,
    ends: np.ndarray,
    which: np.ndarray,
    length: int,
    tile: int,
    first: int,
    begin: int,
    stop: int,
) -> None:
    """Count the events of every source (`which` empty), or enter their rows of the history.

    Counting sort: ``ends[source + 1]`` counts; after summing, ``ends[source]`` is where the next
    entry of the source goes, and in the end where its entries end.
    """
    neurons, enter = circuit.decay.shape[0], len(which) > 0
    for inside in range(begin, stop):
        step = course.before + inside
        for k in range(tile):
            trial, row = first + k, (inside % length) * tile + k
            for d in range(len(circuit.delays)):
                sent = step - circuit.delays[d]
                if sent < 0:
                    continue
                for e in range(
                    events.neurons_end[trial, sent], events.neurons_end[trial, sent + 1]
                ):
                    source = d * neurons + events.neurons[trial, e]
                    if enter:
                        which[ends[source]] = row
                        ends[source] += 1
                    else:
                        ends[source + 1] += 1
            for e in range(events.channels_end[trial, step], events.channels_end[trial, step + 1]):
                source = len(circuit.delays) * neurons + events.channels[trial, e]
                if enter:
                    which[ends[source]] = row
                    ends[source] += 1
                else:
                    ends[source + 1] += 1
