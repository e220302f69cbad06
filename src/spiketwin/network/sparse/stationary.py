"""Stationary rate of integrate-and-fire neurons in white noise, and its inverse (Siegert;
Ricciardi).

    rate(mu) = 1 / (tau sqrt(pi) Int_{(reset - mu) / sigma}^{(threshold - mu) / sigma} exp(z^2) (1
    + erf z) dz)

without refractory period; mu is the whole mean input. Rates become target currents by inverting it
(Kim et al. 2023), with sigma the s.d. of the fast input over sqrt(1.3 tau_fast).
"""

from __future__ import annotations

import numpy as np

from spiketwin.errors import SpiketwinError

COLOUR = 1.3
"""Calibrated by the authors: between filtered input and white noise of the same effect."""
LOWEST_HZ = 0.1
"""Rates below, silence too, count as this one: no finite current means silence."""
CHERNOFF = 0.5826
"""-zeta(1/2) / sqrt(2 pi): how far a barrier seems to be moved by steps, in s.d. of one."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_PANELS = 40


def stationary_rate(
    mean: np.ndarray, sigma: float, tau_s: float = 0.01, threshold: float = 1.0, reset: float = 0.0
) -> np.ndarray:
    """Rate in hertz for each mean input.

    Parameters
    ----------
    mean : any shape, mean input in units of the threshold.
    sigma : noise.
    tau_s, threshold, reset : of the membrane.
    """
    from scipy.special import erfcx  # half a second that other fits need not wait for

    mean = np.asarray(mean, float)
    lower, upper = (reset - mean) / sigma, (threshold - mean) / sigma
    edges = np.linspace(0, 1, _PANELS + 1)
    share = (edges[:-1, None] + np.diff(edges)[:, None] * (_NODES + 1) / 2).ravel()
    weight = (np.diff(edges)[:, None] * _WEIGHTS / 2).ravel()
    z = lower[..., None] + (upper - lower)[..., None] * share
    with np.errstate(over="ignore"):
        integral = (upper - lower) * (erfcx(-z) @ weight)
        rate: np.ndarray = 1 / (tau_s * np.sqrt(np.pi) * integral)
    return rate


def noise_of(fast_sd: float, tau_fast_ms: float) -> float:
    """sigma from the temporal s.d. of the fast input of the untrained network."""
    return fast_sd / float(np.sqrt(COLOUR * tau_fast_ms))


def seeming_threshold(noise: float, step_ms: float, tau_ms: float = 10.0) -> float:
    """Threshold (1) of simulated neurons in white noise: excursions between two steps are missed.

    In steps of 0.1 ms neurons in noise of 0.3 would else fire a fifth less than asked at 1 Hz.
    """
    return 1 + CHERNOFF * noise * float(np.sqrt(step_ms / tau_ms))


def target_current(
    rate_hz: np.ndarray, sigma: float, tau_s: float = 0.01, threshold: float = 1.0
) -> np.ndarray:
    """Mean input at which neurons fire at the given rates; the same shape.

    Parameters
    ----------
    rate_hz : wanted, any shape.
    sigma : noise.
    tau_s, threshold : of the membrane.

    Raises
    ------
    SpiketwinError
        When a rate is not finite, negative, or above what currents up to 50 thresholds reach.
    """
    rate_hz = np.asarray(rate_hz, float)
    if not np.isfinite(rate_hz).all() or (rate_hz < 0).any():
        raise SpiketwinError("targets hold rates that are negative or not finite")
    grid = _grid(sigma)
    table = stationary_rate(grid, sigma, tau_s, threshold)
    if rate_hz.max(initial=0) > table[-1]:
        raise SpiketwinError(
            f"a target rate of {rate_hz.max():.0f} Hz; currents up to {grid[-1]:g} thresholds "
            f"reach {table[-1]:.0f} Hz (smooth the targets, or leave the cell out)"
        )
    rising = table > LOWEST_HZ / 10
    wanted = np.log(np.maximum(rate_hz, LOWEST_HZ))
    current: np.ndarray = np.interp(wanted, np.log(table[rising]), grid[rising])
    return current


def _grid(sigma: float) -> np.ndarray:
    """Currents, dense where rates are low and steep in the current."""
    return np.concatenate([np.linspace(1 - 12 * sigma, 2, 4000), np.linspace(2.002, 50, 2000)])
