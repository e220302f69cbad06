"""Published artificial targets of rate matching (Kim & Chow 2018, Figs 1 to 7; Arthur et al. 2023).

Drives of theta neurons are dimensionless, those of integrate-and-fire neurons in thresholds.
"""

from __future__ import annotations

import numpy as np

STEP_MS = 1.0
"""About the step of the chaotic network."""
SPIKES_PER_TAU_HZ = 100.0
"""One spike per membrane time constant of 10 ms."""


def sines(
    cells: int, duration_ms: float, every_ms: float, generator: np.random.Generator
) -> np.ndarray:
    """(instant, cell): A sin(2 pi (t - T0) / T1), A ~ U[.5, 1.5], T0 ~ U[0, 1000], T1 ~ U[300,
    1000]."""
    time = _instants(duration_ms, every_ms)
    size, phase = generator.uniform(0.5, 1.5, cells), generator.uniform(0, 1000, cells)
    period = generator.uniform(300, 1000, cells)
    found: np.ndarray = size * np.sin(2 * np.pi * (time - phase) / period)
    return found


def sine_products(
    cells: int, duration_ms: float, every_ms: float, generator: np.random.Generator
) -> np.ndarray:
    """(instant, cell): products of a slow sine, T1 ~ U[500, 1000], and a fast one, T2 ~ U[100,
    500]."""
    time = _instants(duration_ms, every_ms)
    size = generator.uniform(0.5, 1.5, cells)
    slow, fast = generator.uniform(500, 1000, cells), generator.uniform(100, 500, cells)
    first, second = generator.uniform(0, slow), generator.uniform(0, fast)
    one = np.sin(2 * np.pi * (time - first) / slow)
    found: np.ndarray = size * one * np.sin(2 * np.pi * (time - second) / fast)
    return found


def rate_network(
    cells: int, duration_ms: float, every_ms: float, generator: np.random.Generator
) -> np.ndarray:
    """(instant, cell): a chaotic network, tau dx/dt = -x + W sqrt([x]+) / pi, tau 40 ms, p .3,
    gain 5."""
    p, gain, tau_ms = 0.3, 5.0, 40.0
    present = generator.random((cells, cells)) < p
    weights = np.where(present, generator.normal(size=(cells, cells)), 0)
    weights *= gain / np.sqrt(cells * p)
    weights -= present * (weights.sum(1) / np.maximum(present.sum(1), 1))[:, None]
    x, found = generator.uniform(0, 0.2, cells), []
    step_ms = every_ms / max(1, round(every_ms / STEP_MS))
    every, settle = round(every_ms / step_ms), round(1000 / step_ms)
    for step in range(settle + round(duration_ms / every_ms) * every):
        if step >= settle and (step - settle) % every == 0:
            found.append(x.copy())
        x += step_ms / tau_ms * (-x + weights @ (np.sqrt(np.maximum(x, 0)) / np.pi))
    return np.array(found)


def ornstein_uhlenbeck(
    cells: int,
    duration_ms: float,
    every_ms: float,
    generator: np.random.Generator,
    tau_ms: float = 200.0,
    spread: float = 0.3,
) -> np.ndarray:
    """(instant, cell): correlation time `tau_ms`, s.d. `spread` sqrt(tau / 20 ms) (.95 for 200
    ms)."""
    sd = spread * np.sqrt(tau_ms / 20)
    decay = np.exp(-every_ms / tau_ms)
    x, found = sd * generator.normal(size=cells), []
    for _ in _instants(duration_ms, every_ms):
        found.append(x)
        x = decay * x + sd * np.sqrt(1 - decay**2) * generator.normal(size=cells)
    return np.array(found)


def auxiliary_rates(
    cells: int,
    duration_ms: float,
    every_ms: float,
    generator: np.random.Generator,
    filter_ms: float,
    tau_ms: float = 800.0,
    spread: float = 0.1,
) -> np.ndarray:
    """(instant, cell) hertz: sqrt([x]+) / pi of Ornstein-Uhlenbeck paths x, then a low-pass filter
    of `filter_ms`, the synaptic time constant (Kim & Chow 2018, Fig 5)."""
    settle_ms = 5 * filter_ms
    paths = ornstein_uhlenbeck(cells, settle_ms + duration_ms, every_ms, generator, tau_ms, spread)
    rates = SPIKES_PER_TAU_HZ * np.sqrt(np.maximum(paths, 0)) / np.pi
    decay = np.exp(-every_ms / filter_ms)
    found = np.empty_like(rates)
    low = rates[0]
    for instant, now in enumerate(rates):
        low = found[instant] = decay * low + (1 - decay) * now
    return found[-round(duration_ms / every_ms) :]


def phased_sines(
    cells: int, duration_ms: float, every_ms: float, generator: np.random.Generator
) -> np.ndarray:
    """(instant, cell): .5 sin with period 1 s and random phase, to be added to each cell's mean
    input."""
    time = _instants(duration_ms, every_ms)
    phase = generator.uniform(0, 2 * np.pi, cells)
    found: np.ndarray = 0.5 * np.sin(2 * np.pi * time / 1000 + phase)
    return found


def _instants(duration_ms: float, every_ms: float) -> np.ndarray:
    """(instant, 1) times."""
    return every_ms * np.arange(round(duration_ms / every_ms))[:, None]
