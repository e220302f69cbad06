"""One step of all neurons of a trial: voltages, spikes, derivatives. Equations in `neurons`."""

from __future__ import annotations

import numpy as np

from spiketwin.network.kernels.compiled import compiled
from spiketwin.network.kernels.elementary import exponential
from spiketwin.network.kernels.layout import (
    ADAPTATION,
    BEND,
    COUNTDOWN,
    CURRENT,
    DECAY,
    EXPONENTIAL,
    LOGISTIC,
    NOISE,
    NORMAL,
    RESET,
    SLOPE,
    SPIKE,
    TICKET,
    UNIFORM,
    VOLTAGE,
    Escape,
)


@compiled
def advance(rows: np.ndarray, escape: Escape, neurons: int) -> None:
    """Voltages, spikes and derivatives of one step; `CURRENT` holds the excess afterwards."""
    _voltage(rows, escape, neurons)
    if escape.adaptation > 0:
        _raise_thresholds(rows, escape, neurons)
    if escape.kind == LOGISTIC:
        _logistic(rows, escape, neurons)
    else:
        _triangular(rows, escape, neurons)
    if escape.adaptation > 0:
        _bend(rows, escape, neurons)
    _fire(rows, escape, neurons)
    if escape.adaptation > 0:
        _adapt(rows, escape, neurons)
    if escape.cut > 0:
        _roulette(rows, escape, neurons)


@compiled
def _voltage(rows: np.ndarray, escape: Escape, neurons: int) -> None:
    number = rows.dtype.type
    threshold, per_threshold = number(escape.threshold), number(1 / escape.threshold)
    for j in range(neurons):
        voltage = (
            rows[DECAY, j] * rows[VOLTAGE, j] + rows[CURRENT, j] + rows[NOISE, j] * rows[NORMAL, j]
        )
        rows[VOLTAGE, j] = voltage
        rows[CURRENT, j] = (voltage - threshold) * per_threshold


@compiled
def _raise_thresholds(rows: np.ndarray, escape: Escape, neurons: int) -> None:
    """Excess over the adapted thresholds, which are left in `BEND`."""
    number = rows.dtype.type
    threshold, adaptation = number(escape.threshold), number(escape.adaptation)
    for j in range(neurons):
        rows[BEND, j] = threshold + adaptation * rows[ADAPTATION, j]
        rows[CURRENT, j] = (rows[VOLTAGE, j] - rows[BEND, j]) / rows[BEND, j]


@compiled
def _logistic(rows: np.ndarray, escape: Escape, neurons: int) -> None:
    number = rows.dtype.type
    one, sharpness = number(1), number(escape.sharpness)
    rate, dampening = number(escape.rate), number(escape.dampening)
    for j in range(neurons):
        p = one / (one + exponential(-sharpness * rows[CURRENT, j]))
        rows[SPIKE, j] = p * rate
        rows[SLOPE, j] = p * (one - p) * dampening


@compiled
def _triangular(rows: np.ndarray, escape: Escape, neurons: int) -> None:
    number = rows.dtype.type
    one, zero, sharpness = number(1), number(0), number(escape.sharpness)
    rate, dampening = number(escape.rate), number(escape.dampening)
    for j in range(neurons):
        excess = rows[CURRENT, j]
        rows[SLOPE, j] = max(one - abs(excess), zero) * dampening
        if escape.kind == EXPONENTIAL:
            rows[SPIKE, j] = exponential(excess * sharpness) * rate
        else:
            rows[SPIKE, j] = one if excess > 0 else zero


@compiled
def _bend(rows: np.ndarray, escape: Escape, neurons: int) -> None:
    """Derivatives at the adapted thresholds A: du/dv = 1 / A, du/db = -beta v / A^2."""
    number = rows.dtype.type
    threshold, adaptation = number(escape.threshold), number(escape.adaptation)
    for j in range(neurons):
        rows[SLOPE, j] *= threshold / rows[BEND, j]
        rows[BEND, j] = rows[SLOPE, j] * adaptation * (rows[CURRENT, j] + number(1))


@compiled
def _fire(rows: np.ndarray, escape: Escape, neurons: int) -> None:
    number = rows.dtype.type
    one, zero, countdown = number(1), number(0), number(escape.refractory)
    for j in range(neurons):
        ready = rows[COUNTDOWN, j] <= 0
        spike = one if ready and rows[UNIFORM, j] < rows[SPIKE, j] else zero
        rows[SLOPE, j] = rows[SLOPE, j] if ready else zero
        rows[VOLTAGE, j] -= rows[RESET, j] * spike
        rows[COUNTDOWN, j] = countdown if spike > 0 else rows[COUNTDOWN, j] - one
        rows[SPIKE, j] = spike


@compiled
def _adapt(rows: np.ndarray, escape: Escape, neurons: int) -> None:
    number = rows.dtype.type
    keep, zero = number(escape.keep), number(0)
    rise = number(1 - escape.keep)
    for j in range(neurons):
        rows[ADAPTATION, j] = keep * rows[ADAPTATION, j] + rise * rows[SPIKE, j]
        rows[BEND, j] = rows[BEND, j] if rows[SLOPE, j] > 0 else zero


@compiled
def _roulette(rows: np.ndarray, escape: Escape, neurons: int) -> None:
    number = rows.dtype.type
    cut, zero, one = number(escape.cut), number(0), number(1)
    if escape.adaptation > 0:
        for j in range(neurons):
            slope = rows[SLOPE, j]
            rows[BEND, j] *= max(one, cut / slope) if slope > 0 else zero
    for j in range(neurons):
        slope = rows[SLOPE, j]
        rows[SLOPE, j] = max(slope, cut) if slope > cut * rows[TICKET, j] else zero
