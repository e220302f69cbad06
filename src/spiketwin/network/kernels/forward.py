"""Simulation of trials, one after the other, all time steps in one go.

The equations are those of `neurons` and `run`. The recurrent current adds the weight rows of the
neurons that fired, instead of a product with a mostly empty vector.
"""

from __future__ import annotations

import numpy as np

from spiketwin.network.kernels.compiled import compiled
from spiketwin.network.kernels.elementary import exponential
from spiketwin.network.kernels.layout import (
    COUNTDOWN,
    CURRENT,
    DECAY,
    DRIVE,
    EXPONENTIAL,
    LOGISTIC,
    NOISE,
    NORMAL,
    RESET,
    ROWS,
    SLOPE,
    SPIKE,
    UNIFORM,
    VOLTAGE,
    Circuit,
    Course,
    Escape,
    Events,
    Output,
)
from spiketwin.network.kernels.randomness import INPUTS, draw_neurons, draw_uniform
from spiketwin.network.kernels.rows import add, add_rows

BLOCK = 8
"""Flags tested together when spikes are collected."""


@compiled
def simulate(
    circuit: Circuit,
    escape: Escape,
    course: Course,
    events: Events,
    output: Output,
    first: int,
    every: int,
) -> None:
    """Simulate trials first, first + every, ... and write their events and output.

    Parameters
    ----------
    circuit, escape, course : network, spike function, stimuli.
    events, output : where results go.
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
        rows[VOLTAGE], rows[COUNTDOWN], rows[SPIKE] = 0, 0, 0
        rows[DRIVE, :neurons] = course.drive[trial]
        events.neurons_end[trial, 0], events.channels_end[trial, 0] = 0, 0
        for step in range(output.projected.shape[1]):
            _sample_inputs(course, events, draws, trial, step)
            _gather(circuit, events, rows, arriving, trial, step)
            draw_neurons(
                rows, NORMAL, UNIFORM, neurons, step, course.first_trial + trial, course.key
            )
            _advance(rows, escape, neurons)
            _collect(circuit, events, output, rows, trial, step)
            if step >= course.before:
                _record(course, events, output, rows, trial, step)


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
    events: Events,
    rows: np.ndarray,
    arriving: np.ndarray,
    trial: int,
    step: int,
) -> None:
    """Current of everything that arrives now."""
    neurons = circuit.decay.shape[0]
    current = rows[CURRENT]
    current[:neurons] = rows[DRIVE, :neurons]
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
def _advance(rows: np.ndarray, escape: Escape, neurons: int) -> None:
    """Voltages, spikes and slopes of one step."""
    number = rows.dtype.type
    one, zero, threshold = number(1), number(0), number(escape.threshold)
    per_threshold, sharpness = number(1 / escape.threshold), number(escape.sharpness)
    rate, dampening = number(escape.rate), number(escape.dampening)
    countdown = number(escape.refractory)
    for j in range(neurons):
        voltage = (
            rows[DECAY, j] * rows[VOLTAGE, j] + rows[CURRENT, j] + rows[NOISE, j] * rows[NORMAL, j]
        )
        rows[VOLTAGE, j] = voltage
        rows[CURRENT, j] = (voltage - threshold) * per_threshold
    if escape.kind == LOGISTIC:
        for j in range(neurons):
            p = one / (one + exponential(-sharpness * rows[CURRENT, j]))
            rows[SPIKE, j] = p * rate
            rows[SLOPE, j] = p * (one - p) * dampening
    else:
        for j in range(neurons):
            excess = rows[CURRENT, j]
            rows[SLOPE, j] = max(one - abs(excess), zero) * dampening
            if escape.kind == EXPONENTIAL:
                rows[SPIKE, j] = exponential(excess * sharpness) * rate
            else:
                rows[SPIKE, j] = one if excess > 0 else zero
    for j in range(neurons):
        ready = rows[COUNTDOWN, j] <= 0
        spike = one if ready and rows[UNIFORM, j] < rows[SPIKE, j] else zero
        rows[SLOPE, j] = rows[SLOPE, j] if ready else zero
        rows[VOLTAGE, j] -= rows[RESET, j] * spike
        rows[COUNTDOWN, j] = countdown if spike > 0 else rows[COUNTDOWN, j] - one
        rows[SPIKE, j] = spike


@compiled
def _collect(
    circuit: Circuit, events: Events, output: Output, rows: np.ndarray, trial: int, step: int
) -> None:
    """Append the neurons that fire and project them on the behaviour."""
    neurons, traces = circuit.decay.shape[0], circuit.readout.shape[0]
    spike = rows[SPIKE]
    start = end = events.neurons_end[trial, step]
    for block in range(0, neurons, BLOCK):
        total = spike[block]
        for j in range(block + 1, block + BLOCK):
            total += spike[j]
        if total > 0:
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
def _record(
    course: Course, events: Events, output: Output, rows: np.ndarray, trial: int, step: int
) -> None:
    """Count the spikes of the window and keep the slopes."""
    inside = step - course.before
    counts = output.counts[trial, course.bin[inside]]
    for k in range(events.neurons_end[trial, step], events.neurons_end[trial, step + 1]):
        counts[events.neurons[trial, k]] += 1
    if output.slope.shape[0]:
        slope = output.slope[trial, inside]
        for j in range(slope.shape[0]):
            slope[j] = rows[SLOPE, j]
