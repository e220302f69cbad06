"""Counter-based random numbers (Philox4x32, Salmon et al. 2011, seven rounds).

    (x0, x1, x2, x3) = philox(counter = (place, step, trial, stream), key = seed)

Every number is a function of where and when it is used: forward and backward pass, one thread or
many, one batch or several find the same numbers without storing them. Normal numbers come from
pairs by Box and Muller's transformation.
"""

from __future__ import annotations

import numpy as np

from spiketwin.network.kernels.compiled import compiled, inlined
from spiketwin.network.kernels.elementary import logarithm, sine_cosine

NEURONS, INPUTS, LATENT, RATES = 0, 1, 2, 3
"""Streams."""

ROUNDS = 7

_U = np.uint64
_F = np.float32
_LOW = _U(0xFFFFFFFF)
_32 = _U(32)
_M0, _M1 = _U(0xD2511F53), _U(0xCD9E8D57)
_W0, _W1 = _U(0x9E3779B9), _U(0xBB67AE85)
_UNIT = np.float32(2.0**-24)
_BYTE, _8 = _U(0xFF), _U(8)
_UNIT16 = np.float32(2.0**-16)


@inlined
def philox(c0: int, c1: int, c2: int, c3: int, key: int, rounds: int) -> tuple[int, int, int, int]:
    """Four 32-bit numbers (as uint64) of a counter and a 64-bit key, all uint64."""
    k0, k1 = key & _LOW, key >> _32
    for _ in range(rounds):
        first, second = c0 * _M0, c2 * _M1
        c0, c1, c2, c3 = (
            (second >> _32) ^ c1 ^ k0,
            second & _LOW,
            (first >> _32) ^ c3 ^ k1,
            first & _LOW,
        )
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0, c1, c2, c3


@inlined
def _fraction(bits: int) -> float:
    """A uniform number in [0, 1) from 24 of the 32 bits."""
    return _F(np.int32(bits >> _U(8))) * _UNIT


@inlined
def _ticket(high: int, low: int) -> float:
    """A uniform number in (0, 1) from the bits of two numbers that `_fraction` leaves over."""
    return (_F(np.int32(((high & _BYTE) << _8) | (low & _BYTE))) + _F(0.5)) * _UNIT16


@inlined
def _normals(x0: int, x1: int) -> tuple[float, float]:
    radius = np.sqrt(_F(-2) * logarithm(_fraction(x0) + _UNIT))
    sine, cosine = sine_cosine(_fraction(x1))
    return radius * cosine, radius * sine


@compiled
def draw_neurons(
    rows: np.ndarray, normal: int, neurons: int, step: int, trial: int, key: int
) -> None:
    """Fill three rows from `normal` on: a normal, a uniform, and a coarse uniform number (16 bits).

    Neurons i and i + half share a counter, half being half the number of neurons rounded up; rows
    have room for 2 half numbers.
    """
    half = (neurons + 1) // 2
    for i in range(half):
        x0, x1, x2, x3 = philox(_U(i), _U(step), _U(trial), _U(NEURONS), key, ROUNDS)
        rows[normal, i], rows[normal, i + half] = _normals(x0, x1)
        rows[normal + 1, i], rows[normal + 1, i + half] = _fraction(x2), _fraction(x3)
        rows[normal + 2, i], rows[normal + 2, i + half] = _ticket(x0, x2), _ticket(x1, x3)


@compiled
def draw_noise(
    rows: np.ndarray, normal: int, neurons: int, step: int, trial: int, key: int
) -> None:
    """The normal numbers of `draw_neurons` alone."""
    half = (neurons + 1) // 2
    for i in range(half):
        x0, x1, _, _ = philox(_U(i), _U(step), _U(trial), _U(NEURONS), key, ROUNDS)
        rows[normal, i], rows[normal, i + half] = _normals(x0, x1)


@compiled
def draw_uniform(
    rows: np.ndarray, row: int, count: int, step: int, trial: int, stream: int, key: int
) -> None:
    """Fill a row with uniform numbers; it has room for `count` rounded up to a multiple of four."""
    quarter = (count + 3) // 4
    for i in range(quarter):
        x0, x1, x2, x3 = philox(_U(i), _U(step), _U(trial), _U(stream), key, ROUNDS)
        rows[row, i], rows[row, i + quarter] = _fraction(x0), _fraction(x1)
        rows[row, i + 2 * quarter], rows[row, i + 3 * quarter] = _fraction(x2), _fraction(x3)


@compiled
def fill_neurons(rows: np.ndarray, neurons: int, step: int, first_trial: int, key: int) -> None:
    """`draw_neurons` for all trials of (trial, 3, room)."""
    for trial in range(rows.shape[0]):
        draw_neurons(rows[trial], 0, neurons, step, first_trial + trial, key)


@compiled
def fill_uniform(
    rows: np.ndarray, count: int, first_step: int, first_trial: int, stream: int, key: int
) -> None:
    """`draw_uniform` for all trials and steps of (trial, step, room)."""
    for trial in range(rows.shape[0]):
        for step in range(rows.shape[1]):
            draw_uniform(
                rows[trial], step, count, first_step + step, first_trial + trial, stream, key
            )
