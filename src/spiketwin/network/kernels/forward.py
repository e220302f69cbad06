"""Simulation of trials, one after the other, all time steps in one go.

The equations are those of `neurons`. The recurrent current adds the weight rows of the neurons that
fired, instead of a product with a mostly empty vector. Which derivatives the backward pass uses is
decided here. Without roulette all of them; with it a derivative s below the cut c is kept with
probability s / c, as c (larger ones are kept as they are), so that the gradient stays right on
average while most of its work falls away:

    keep where s > c ticket,    s <- max(s, c)
"""

from __future__ import annotations

import numpy as np

from spiketwin.network.kernels.advance import advance
from spiketwin.network.kernels.compiled import compiled
from spiketwin.network.kernels.layout import (
    ADAPTATION,
    BEND,
    COUNTDOWN,
    CURRENT,
    DECAY,
    DRIVE,
    NOISE,
    NORMAL,
    RESET,
    ROWS,
    SLOPE,
    SPIKE,
    VOLTAGE,
    Circuit,
    Course,
    Escape,
    Events,
    Output,
    Surrogate,
)
from spiketwin.network.kernels.randomness import INPUTS, draw_neurons, draw_uniform
from spiketwin.network.kernels.rows import add, add_rows, copy

BLOCK = 8
"""Flags tested together when spikes are collected."""


@compiled
def simulate(
    circuit: Circuit,
    escape: Escape,
    course: Course,
    events: Events,
    surrogate: Surrogate,
    output: Output,
    first: int,
    every: int,
) -> None:
    """Simulate trials first, first + every, ... and write their events and output.

    Parameters
    ----------
    circuit, escape, course : network, spike function, stimuli.
    events, surrogate, output : where results go.
    first, every : which trials.
    """
    neurons = circuit.decay.shape[0]
    rows = np.zeros((ROWS, 2 * ((neurons + 1) // 2) + BLOCK), circuit.decay.dtype)
    rows[DECAY, :neurons] = circuit.decay
    rows[NOISE, :neurons] = circuit.noise
    rows[RESET, :neurons] = circuit.reset
    draws = np.zeros((1, circuit.input.shape[0] + 4), np.float32)
    arriving = np.empty(len(circuit.delays) * neurons + circuit.input.shape[0], np.int64)
    for trial in range(first, course.drive.shape[0], every):
        rows[VOLTAGE], rows[COUNTDOWN], rows[SPIKE], rows[ADAPTATION] = 0, 0, 0, 0
        rows[DRIVE, :neurons] = course.drive[trial]
        events.neurons_end[trial, 0], events.channels_end[trial, 0] = 0, 0
        for step in range(output.projected.shape[1]):
            _sample_inputs(course, events, draws, trial, step)
            _gather(circuit, course, events, rows, arriving, trial, step)
            draw_neurons(rows, NORMAL, neurons, step, course.first_trial + trial, course.key)
            advance(rows, escape, neurons)
            _collect(circuit, events, output, rows, trial, step)
            if step >= course.before:
                _count(course, events, output, trial, step)
                if surrogate.slope.shape[0]:
                    _keep(surrogate, rows, neurons, trial, step - course.before)


@compiled
def _sample_inputs(
    course: Course, events: Events, draws: np.ndarray, trial: int, step: int
) -> None:
    """Append the input channels that fire now."""
    channels = course.first_channel[-1]
    draw_uniform(draws, 0, channels, step, course.first_trial + trial, INPUTS, course.key)
    end = events.channels_end[trial, step]
    for group in range(len(course.baseline)):
        probability = course.baseline[group]
        if step >= course.before:
            probability = course.probability[trial, step - course.before, group]
        for channel in range(course.first_channel[group], course.first_channel[group + 1]):
            if draws[0, channel] < probability:
                events.channels[trial, end] = channel
                end += 1
    events.channels_end[trial, step + 1] = end


@compiled
def _gather(
    circuit: Circuit,
    course: Course,
    events: Events,
    rows: np.ndarray,
    arriving: np.ndarray,
    trial: int,
    step: int,
) -> None:
    """Current of everything that arrives now."""
    neurons = circuit.decay.shape[0]
    current = rows[CURRENT]
    copy(current, rows[DRIVE], neurons)
    if course.extra.shape[0] and step >= course.before:
        add(current[:neurons], course.extra[step - course.before])
    full = 0
    for d in range(len(circuit.delays)):
        source = step - circuit.delays[d]
        if source < 0:
            continue
        start, stop = events.neurons_end[trial, source], events.neurons_end[trial, source + 1]
        for k in range(start, stop):
            neuron = events.neurons[trial, k]
            first, last = circuit.reach[neuron]
            if last - first == neurons:
                arriving[full] = d * neurons + neuron
                full += 1
            else:
                add(current[first:last], circuit.recurrent[d * neurons + neuron, first:last])
    add_rows(current[:neurons], circuit.recurrent, arriving, 0, full, 0)
    full = 0
    for k in range(events.channels_end[trial, step], events.channels_end[trial, step + 1]):
        arriving[full] = events.channels[trial, k]
        full += 1
    add_rows(current[:neurons], circuit.input, arriving, 0, full, 0)


@compiled
def _collect(
    circuit: Circuit, events: Events, output: Output, rows: np.ndarray, trial: int, step: int
) -> None:
    """Append the neurons that fire and project them on the behaviour."""
    neurons, traces = circuit.decay.shape[0], circuit.readout.shape[0]
    spike = rows[SPIKE]
    start = end = events.neurons_end[trial, step]
    for block in range(0, neurons, BLOCK):
        some = spike[block : block + BLOCK]
        if ((some[0] + some[1]) + (some[2] + some[3])) + (
            (some[4] + some[5]) + (some[6] + some[7])
        ) > 0:
            for j in range(block, min(block + BLOCK, neurons)):
                if spike[j] > 0:
                    events.neurons[trial, end] = j
                    end += 1
    events.neurons_end[trial, step + 1] = end
    for trace in range(traces):
        total = rows[DECAY, 0] * 0
        for k in range(start, end):
            total += circuit.readout[trace, events.neurons[trial, k]]
        output.projected[trial, step, trace] = total


@compiled
def _count(course: Course, events: Events, output: Output, trial: int, step: int) -> None:
    """Count the spikes of the window."""
    counts = output.counts[trial, course.bin[step - course.before]]
    for k in range(events.neurons_end[trial, step], events.neurons_end[trial, step + 1]):
        counts[events.neurons[trial, k]] += 1


@compiled
def _keep(surrogate: Surrogate, rows: np.ndarray, neurons: int, trial: int, inside: int) -> None:
    """Write down the derivatives of a step; after a roulette those that are left."""
    slope, bend = surrogate.slope[trial], surrogate.bend[trial]
    if not surrogate.site.shape[1]:
        copy(slope[inside * neurons :], rows[SLOPE], neurons)
        if bend.shape[0]:
            copy(bend[inside * neurons :], rows[BEND], neurons)
        return
    site, end = surrogate.site[trial], surrogate.end[trial, inside]
    for j in range(neurons):
        # Always written, and written over where the entry is not kept: no branch to predict.
        site[end], slope[end] = j, rows[SLOPE, j]
        if bend.shape[0]:
            bend[end] = rows[BEND, j]
        end += rows[SLOPE, j] > 0
    surrogate.end[trial, inside + 1] = end
