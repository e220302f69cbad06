"""The compiled, event-driven simulator: all steps between two learning instants in one call.

A step: membranes move with the present currents, currents decay, the spikes of the step add their
weights. Filtered trains decay once per call, a spike of step s counting with what is left of it at
the end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spiketwin.network.kernels.compiled import compiled, inlined
from spiketwin.network.kernels.randomness import draw_noise
from spiketwin.network.sparse.membranes import step_izhikevich, step_lif, step_theta
from spiketwin.network.sparse.structure import LIF, THETA


class Constants(NamedTuple):
    """Numbers of a network; see `structure`."""

    kind: int
    fast_decay: float
    fast_jump: float
    slow_decay: float
    slow_jump: float
    noise: float
    refractory: int
    noisy_current: bool


class Wiring(NamedTuple):
    """Arrays of a network; see `structure.Static` and `structure.Outgoing`."""

    parameters: np.ndarray
    static_first: np.ndarray
    static_boundary: np.ndarray
    static_targets: np.ndarray
    static_weights: np.ndarray
    first: np.ndarray
    place: np.ndarray
    target: np.ndarray
    weights: np.ndarray


class Buffers(NamedTuple):
    """What changes during a trial.

    membrane (variable, neuron); held, fast, slow, current (neuron,); filtered (unit,); fired
    (unit,) int32; normals (1, room) float32.
    """

    membrane: np.ndarray
    held: np.ndarray
    fast: np.ndarray
    slow: np.ndarray
    filtered: np.ndarray
    current: np.ndarray
    fired: np.ndarray
    normals: np.ndarray


class Driven(NamedTuple):
    """What comes from outside during one call.

    drive (neuron,) constant; stimulus (step, neuron), or without rows; event_step, event_unit
    (event,) int32, spikes of units outside, in the order of their steps; first_step, trial, key of
    the noise.
    """

    drive: np.ndarray
    stimulus: np.ndarray
    event_step: np.ndarray
    event_unit: np.ndarray
    first_step: int
    trial: int
    key: int


class Kept(NamedTuple):
    """What is kept of one call.

    counts (neuron,) int32, spikes; total (neuron,), sum of the synaptic input at every
    `sample_every`-th step; spikes (room, 2) int32, step and neuron; number (1,) int64 of them.
    """

    counts: np.ndarray
    total: np.ndarray
    sample_every: int
    spikes: np.ndarray
    number: np.ndarray


@inlined
def _deliver_static(unit: int, jump: float, wiring: Wiring, fast: np.ndarray) -> None:
    middle, last = wiring.static_boundary[unit], wiring.static_first[unit + 1]
    before, after = wiring.static_weights[unit, 0] * jump, wiring.static_weights[unit, 1] * jump
    for q in range(wiring.static_first[unit], middle):
        fast[wiring.static_targets[q]] += before
    for q in range(middle, last):
        fast[wiring.static_targets[q]] += after


@inlined
def _deliver_plastic(unit: int, jump: float, wiring: Wiring, slow: np.ndarray) -> None:
    for q in range(wiring.first[unit], wiring.first[unit + 1]):
        slow[wiring.target[q]] += jump * wiring.weights[wiring.place[q]]


@inlined
def _sum_currents(step: int, buffers: Buffers, driven: Driven) -> None:
    fast, slow, current, drive = buffers.fast, buffers.slow, buffers.current, driven.drive
    for i in range(len(current)):
        current[i] = drive[i] + fast[i] + slow[i]
    if step < len(driven.stimulus):
        stimulus = driven.stimulus[step]
        for i in range(len(current)):
            current[i] += stimulus[i]


@inlined
def _add_noise(step: int, buffers: Buffers, driven: Driven, noise: float, to_current: bool) -> None:
    noisy = buffers.current if to_current else buffers.membrane[0]
    key, at = np.uint64(driven.key), driven.first_step + step
    draw_noise(buffers.normals, 0, len(noisy), at, driven.trial, key)
    for i in range(len(noisy)):
        noisy[i] += noise * buffers.normals[0, i]


@inlined
def _move(constants: Constants, parameters: np.ndarray, buffers: Buffers) -> int:
    """Advance the membranes; how many neurons fired."""
    membrane, current, fired = buffers.membrane, buffers.current, buffers.fired
    if constants.kind == LIF:
        held, refractory = buffers.held, constants.refractory
        return step_lif(membrane, held, current, parameters, refractory, fired)
    if constants.kind == THETA:
        return step_theta(membrane, current, parameters, fired)
    return step_izhikevich(membrane, current, parameters, fired)


@inlined
def _keep(step: int, count: int, buffers: Buffers, kept: Kept) -> None:
    """Count the spikes of a step, and write them down as long as there is room."""
    for n in range(count):
        kept.counts[buffers.fired[n]] += 1
        if kept.number[0] < len(kept.spikes):
            kept.spikes[kept.number[0], 0] = step
            kept.spikes[kept.number[0], 1] = buffers.fired[n]
            kept.number[0] += 1


@inlined
def _add_events(step: int, event: int, count: int, driven: Driven, fired: np.ndarray) -> int:
    """Write the spikes from outside behind those of the neurons; how many there are."""
    found = 0
    while event + found < len(driven.event_step) and driven.event_step[event + found] <= step:
        fired[count + found] = driven.event_unit[event + found]
        found += 1
    return found


@compiled
def advance(
    constants: Constants,
    wiring: Wiring,
    buffers: Buffers,
    driven: Driven,
    kept: Kept,
    steps: int,
) -> None:
    """Run `steps` steps, in place."""
    fast, slow, filtered, fired = buffers.fast, buffers.slow, buffers.filtered, buffers.fired
    number = fast.dtype.type
    fast_decay, slow_decay = number(constants.fast_decay), number(constants.slow_decay)
    fast_jump, slow_jump = number(constants.fast_jump), number(constants.slow_jump)
    filtered *= number(constants.slow_decay**steps)
    event, neurons = 0, len(fast)
    for step in range(steps):
        if step % kept.sample_every == 0:
            for i in range(neurons):
                kept.total[i] += fast[i] + slow[i]
        _sum_currents(step, buffers, driven)
        if constants.noise > 0:
            _add_noise(step, buffers, driven, number(constants.noise), constants.noisy_current)
        count = _move(constants, wiring.parameters, buffers)
        for i in range(neurons):
            fast[i] *= fast_decay
            slow[i] *= slow_decay
        _keep(driven.first_step + step, count, buffers, kept)
        for n in range(count):
            _deliver_static(fired[n], fast_jump, wiring, fast)
        outside = _add_events(step, event, count, driven, fired)
        event += outside
        left = number(constants.slow_jump * constants.slow_decay ** (steps - 1 - step))
        for n in range(count + outside):
            filtered[fired[n]] += left
            _deliver_plastic(fired[n], slow_jump, wiring, slow)
