"""One step of all membranes; each returns how many neurons fired and writes who.

    theta        tau dtheta/dt = 1 - cos theta + I (1 + cos theta), spike when theta crosses pi
                 (classical Runge-Kutta, I held during the step)
    LIF          tau dv/dt = -v + I, spike above the threshold, then v = reset
    Izhikevich   dv/dt = 0.04 v^2 + 5 v + 140 - w + I, dw/dt = a (b v - w), spike at 30 mV, then
                 v = c, w += d   (Euler; time in ms)

State: (variable, neuron), the first variable being theta or v, the second w. Parameters: theta:
step / tau; LIF: step / tau, threshold, reset; Izhikevich: step, a, b, c, d. See `structure` for I.
"""

from __future__ import annotations

import numpy as np

from spiketwin.network.kernels.compiled import compiled, reordered

BLOCK = 64
"""Neurons that are advanced before anybody looks for spikes among them."""
PEAK_MV = 30.0


@reordered
def step_lif(
    state: np.ndarray,
    held: np.ndarray,
    current: np.ndarray,
    parameters: np.ndarray,
    refractory: int,
    fired: np.ndarray,
) -> int:
    """Leaky integrate-and-fire; `held` counts the steps a neuron still stays at its reset."""
    v, share, threshold, reset = state[0], parameters[0], parameters[1], parameters[2]
    count, size, zero, one = 0, len(v), v.dtype.type(0), v.dtype.type(1)
    for first in range(0, size, BLOCK):
        last = min(first + BLOCK, size)
        above = zero
        for i in range(first, last):
            free = held[i] == zero
            moved = v[i] + (share[i] * (current[i] - v[i]) if free else zero)
            held[i] -= zero if free else one
            v[i] = moved
            above = max(above, moved - threshold[i])
        if above <= zero:
            continue
        for i in range(first, last):
            if v[i] > threshold[i]:
                v[i], held[i] = reset[i], refractory
                fired[count] = i
                count += 1
    return count


@compiled
def step_theta(
    state: np.ndarray, current: np.ndarray, parameters: np.ndarray, fired: np.ndarray
) -> int:
    """Theta neurons; the phase is kept within (-pi, pi]."""
    theta, share = state[0], parameters[0]
    count, half = 0, theta.dtype.type(0.5)
    for i in range(len(theta)):
        h, drive, old = share[i], current[i], theta[i]
        plus, minus = drive + 1, drive - 1
        k1 = plus + minus * np.cos(old)
        k2 = plus + minus * np.cos(old + half * h * k1)
        k3 = plus + minus * np.cos(old + half * h * k2)
        k4 = plus + minus * np.cos(old + h * k3)
        new = old + h * (k1 + 2 * k2 + 2 * k3 + k4) / 6
        if new > np.pi:
            new -= 2 * np.pi
            fired[count] = i
            count += 1
        elif new <= -np.pi:
            new += 2 * np.pi
        theta[i] = new
    return count


@compiled
def step_izhikevich(
    state: np.ndarray, current: np.ndarray, parameters: np.ndarray, fired: np.ndarray
) -> int:
    """Izhikevich's model; two half steps for v keep the upstroke stable."""
    v, w = state[0], state[1]
    h, a, b, c, d = parameters[0], parameters[1], parameters[2], parameters[3], parameters[4]
    count = 0
    for i in range(len(v)):
        if v[i] >= PEAK_MV:
            v[i] = c[i]
            w[i] += d[i]
        half = h[i] / 2
        x = v[i]
        for _ in range(2):
            x += half * ((0.04 * x + 5) * x + 140 - w[i] + current[i])
        w[i] += h[i] * a[i] * (b[i] * x - w[i])
        v[i] = min(x, PEAK_MV)
        if x >= PEAK_MV:
            fired[count] = i
            count += 1
    return count
