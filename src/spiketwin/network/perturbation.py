"""Currents that perturb some neurons of a network for some time."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from spiketwin.config import Perturbation
from spiketwin.errors import SpiketwinError
from spiketwin.network.network import Network


def perturbation_current(
    network: Network, perturbation: Perturbation, start_s: float, steps: int
) -> Tensor:
    """Current to add in every step of the window, (step, neuron).

    Parameters
    ----------
    network : which neurons there are.
    perturbation : which of them, when, how strongly.
    start_s, steps : start of the window, its number of steps.

    Raises
    ------
    SpiketwinError
        When the network has no such neurons, or the window ends before the current begins.
    """
    at = start_s + network.config.step_s * (np.arange(steps) + 0.5)
    first, last = perturbation.window_s
    on = (at >= first) & (at < last)
    chosen = _chosen(network, perturbation)
    if not on.any():
        raise SpiketwinError(
            f"perturbation {perturbation.name!r} lasts from {first:g} s to {last:g} s, outside the "
            f"trials ({start_s:g} s to {at[-1]:.3g} s); see analysis.perturbations"
        )
    current = network.sign.new_zeros(steps, network.neurons)
    current[np.ix_(on, chosen)] = perturbation.current
    return current


def _chosen(network: Network, perturbation: Perturbation) -> np.ndarray:
    """(neuron,) bool."""
    if perturbation.area not in network.areas:
        raise SpiketwinError(
            f"perturbation {perturbation.name!r} names area {perturbation.area!r}; areas of the "
            f"network: {', '.join(network.areas)}"
        )
    chosen = network.area == network.areas.index(perturbation.area)
    if perturbation.cells != "all":
        chosen = chosen & (network.inhibitory == (perturbation.cells == "inhibitory"))
    if not chosen.any():
        raise SpiketwinError(
            f"perturbation {perturbation.name!r} finds no {perturbation.cells} cells in "
            f"{perturbation.area!r}"
        )
    return chosen
