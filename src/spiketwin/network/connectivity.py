"""Who may connect to whom, with which sign, and the weights a network starts with.

Excitatory neurons project everywhere, inhibitory ones inside their area, no neuron to itself.
Weights are magnitudes; the presynaptic neuron gives the sign (Dale's law). At the start each delay
matrix is uniform inside areas and 0 between them, every row is balanced (the larger of its
excitatory and inhibitory sums is scaled down to the smaller), and the signed matrix is divided by
its spectral radius and by the number of delay matrices (Sourmpis et al. 2023, methods).
"""

from __future__ import annotations

import numpy as np
import torch


def allowed(area: np.ndarray, inhibitory: np.ndarray, local_inhibition: bool) -> np.ndarray:
    """Synapses that may exist.

    Parameters
    ----------
    area : (neuron,) int, area of each neuron.
    inhibitory : (neuron,) bool.
    local_inhibition : keep inhibitory synapses inside their area.

    Returns
    -------
    (post, pre) bool.
    """
    mask = ~np.eye(len(area), dtype=bool)
    if local_inhibition:
        mask &= ~inhibitory[None, :] | same_area(area)
    return mask


def same_area(area: np.ndarray) -> np.ndarray:
    """(post, pre) bool: both neurons lie in one area."""
    return area[:, None] == area[None, :]


def balance(weights: np.ndarray, inhibitory: np.ndarray) -> np.ndarray:
    """Scale the stronger kind of input of every row down to the weaker one.

    Rows that receive only one kind are left alone.
    """
    excitation = weights[:, ~inhibitory].sum(1, keepdims=True)
    inhibition = weights[:, inhibitory].sum(1, keepdims=True)
    weaker = np.minimum(excitation, inhibition)
    balanced = np.where(
        inhibitory[None, :],
        weights * weaker / np.maximum(inhibition, 1e-12),
        weights * weaker / np.maximum(excitation, 1e-12),
    )
    return np.where(weaker > 0, balanced, weights)


def spectral_radius(matrix: np.ndarray) -> float:
    """Largest absolute eigenvalue.

    By PyTorch: NumPy's threads wait for each other here, for seconds with some processors.
    """
    return float(torch.linalg.eigvals(torch.from_numpy(matrix)).abs().max())


def initial_recurrent(
    area: np.ndarray,
    inhibitory: np.ndarray,
    mask: np.ndarray,
    delays: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Magnitudes of the recurrent weights at the start, (delay, post, pre)."""
    inside = mask & same_area(area)
    sign = np.where(inhibitory, -1.0, 1.0)
    matrices = []
    for _ in range(delays):
        weights = balance(generator.random(mask.shape) * inside, inhibitory)
        radius = spectral_radius(weights * sign) if weights.any() else 1.0
        matrices.append(weights / max(radius, 1e-12) / delays)
    return np.stack(matrices)


def initial_input(
    neurons: int, inhibitory: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Magnitudes of the input weights at the start, (neuron, channel)."""
    channels = len(inhibitory)
    weights = generator.random((neurons, channels)) / np.sqrt(max(channels, 1))
    return balance(weights, inhibitory)
