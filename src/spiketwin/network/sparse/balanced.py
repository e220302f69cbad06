"""The balanced network of integrate-and-fire neurons (Kim et al. 2023; Arthur et al. 2023).

    tau_m dv/dt = -v + X + f + u,   v > 1 -> v = 0,   weights in units of current times ms
    j = 2 tau_m g / sqrt(K);  w0: E->E 0.15 j, E->I j, I->E -0.75 j, I->I -j
    X = x_E or x_I times g sqrt(K), constant

Every neuron has 2 K static targets, K of either class on average, none of them itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiketwin.errors import SpiketwinError
from spiketwin.network.sparse.structure import LIF, Filter, Neurons, SparseNetwork, Static

TAU_M_MS = 10.0
THRESHOLD, RESET = 1.0, 0.0


@dataclass(frozen=True)
class Balanced:
    """Settings.

    Attributes
    ----------
    neurons : half of them excitatory.
    static_inputs : K, mean number of static inputs of either class.
    plastic_inputs : L / 2, plastic inputs of either class.
    drive : (onto excitatory, onto inhibitory neurons) in units of g sqrt(K).
    plastic_weights : (excitatory, inhibitory) initial weights.
    feedforward : number of feed-forward units, read by all trained neurons.
    tau_fast_ms, tau_slow_ms : static and plastic synapses.
    step_ms : of the simulation.
    noise : sigma of tau_m dv = (I - v) dt + sigma sqrt(tau_m) dW.
    noise_in : "membrane", or "current".
    """

    neurons: int
    static_inputs: int
    plastic_inputs: int
    drive: tuple[float, float]
    plastic_weights: tuple[float, float]
    feedforward: int = 0
    tau_fast_ms: float = 3.0
    tau_slow_ms: float = 150.0
    step_ms: float = 0.1
    noise: float = 0.0
    noise_in: str = "membrane"

    @property
    def excitatory(self) -> int:
        """Number of excitatory neurons; they come first."""
        return self.neurons // 2


def static_synapses(settings: Balanced, generator: np.random.Generator) -> Static:
    """Random targets; every neuron has the same number of them, K per class on average."""
    size, excitatory = settings.neurons, settings.excitatory
    wanted = round(settings.static_inputs / excitatory * size) if settings.static_inputs else 0
    if wanted >= size:
        raise SpiketwinError(
            f"{wanted} static targets per neuron in a network of {size} neurons; expected fewer "
            "(network.static_inputs, network.neurons)"
        )
    targets = np.empty((size, wanted), np.int32)
    for neuron in range(size):
        others = generator.choice(size - 1, wanted, replace=False, shuffle=False)
        targets[neuron] = np.sort(others + (others >= neuron))
    first = np.arange(size + 1, dtype=np.int64) * wanted
    boundary = first[:-1] + (targets < excitatory).sum(1)
    return Static(first, boundary, targets.ravel(), static_weights(settings))


def static_weights(settings: Balanced) -> np.ndarray:
    """(neuron, 2) weights onto excitatory and inhibitory neurons."""
    j = 2 * TAU_M_MS / np.sqrt(max(settings.static_inputs, 1))
    weights = np.empty((settings.neurons, 2))
    weights[: settings.excitatory] = 0.15 * j, j
    weights[settings.excitatory :] = -0.75 * j, -j
    return weights


def plastic_inputs(
    settings: Balanced, trained: np.ndarray, pool: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """(row, input) presynaptic units: excitatory ones from a pool, inhibitory ones, all
    feed-forward.

    Parameters
    ----------
    settings : of the network.
    trained : neurons that get plastic inputs.
    pool : excitatory neurons that may send them.
    generator : of the draw.
    """
    excitatory, wanted = settings.excitatory, settings.plastic_inputs
    inhibitory = np.arange(excitatory, settings.neurons)
    outside = np.arange(settings.neurons, settings.neurons + settings.feedforward)
    for name, members in (("excitatory", pool), ("inhibitory", inhibitory)):
        if wanted >= len(members):
            raise SpiketwinError(
                f"{wanted} plastic inputs from {len(members)} {name} neurons; expected fewer "
                "(network.plastic_inputs)"
            )
    rows = np.empty((len(trained), 2 * wanted + len(outside)), np.int32)
    for row, neuron in enumerate(trained):
        from_pool = _others(pool, neuron, wanted, generator)
        rows[row] = np.concatenate(
            [from_pool, _others(inhibitory, neuron, wanted, generator), outside]
        )
    return rows


def _others(
    members: np.ndarray, neuron: int, wanted: int, generator: np.random.Generator
) -> np.ndarray:
    """Sorted choice without the neuron itself."""
    drawn = members[generator.choice(len(members), wanted + 1, replace=False)]
    return np.sort(drawn[drawn != neuron][:wanted])


def balanced_network(
    settings: Balanced,
    generator: np.random.Generator,
    trained: np.ndarray | None = None,
    pool: np.ndarray | None = None,
    dtype: type = np.float32,
    static: Static | None = None,
) -> SparseNetwork:
    """A network with random wiring.

    Parameters
    ----------
    settings : sizes and constants.
    generator : of the wiring.
    trained : neurons with plastic inputs; absent: all.
    pool : excitatory neurons these come from; absent: all.
    dtype : precision of the simulation.
    static : static synapses; absent: drawn.
    """
    size, excitatory = settings.neurons, settings.excitatory
    inhibitory = np.arange(size) >= excitatory
    trained = np.arange(size) if trained is None else trained
    static = static or static_synapses(settings, generator)
    sources = np.arange(excitatory) if pool is None else pool
    inputs = plastic_inputs(settings, trained, sources, generator)
    strength = np.sqrt(max(settings.static_inputs, 1))
    drive = np.where(inhibitory, settings.drive[1], settings.drive[0]) * strength
    return SparseNetwork(
        step_ms=settings.step_ms,
        neurons=_membranes(settings),
        drive=drive.astype(dtype),
        fast=Filter.euler(settings.tau_fast_ms, settings.step_ms),
        slow=Filter.euler(settings.tau_slow_ms, settings.step_ms),
        static=static,
        trained=trained.astype(np.int32),
        inputs=inputs,
        number=np.full(len(trained), inputs.shape[1], np.int32),
        weights=_initial(settings, len(trained)).astype(dtype),
        feedforward=settings.feedforward,
        inhibitory=inhibitory,
    )


def _initial(settings: Balanced, rows: int) -> np.ndarray:
    """(row, input) plastic weights; those of feed-forward units are 0."""
    (positive, negative), wanted = settings.plastic_weights, settings.plastic_inputs
    parts = [
        np.full(wanted, positive),
        np.full(wanted, negative),
        np.zeros(settings.feedforward),
    ]
    return np.tile(np.concatenate(parts), (rows, 1))


def _membranes(settings: Balanced) -> Neurons:
    """Noise of a step: sigma sqrt(dt / tau) to v, or sigma sqrt(tau / dt) to the current."""
    share, size = settings.step_ms / TAU_M_MS, settings.neurons
    noisy_current = settings.noise_in == "current"
    constants = np.tile([[share], [THRESHOLD], [RESET]], (1, size))
    return Neurons(
        kind=LIF,
        parameters=constants,
        noise=settings.noise * float(share ** (-0.5 if noisy_current else 0.5)),
        refractory=round(0.1 / settings.step_ms),
        noisy_current=noisy_current,
    )
