"""The networks of Kim & Chow (2018): plastic synapses only, no separate classes of neurons.

    sparse Gaussian weights: present with probability p, s.d. gain / sqrt(N p); optionally minus the
    mean over a neuron's inputs, so that they sum to zero

theta: tau 10 ms, filtered trains in spikes per 10 ms. Integrate-and-fire: tau 10 ms, here in units
of the distance from reset to threshold. Izhikevich: RS, IB, CH, FS and LTS neurons in equal parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spiketwin.errors import SpiketwinError
from spiketwin.network.sparse.structure import (
    IZHIKEVICH,
    LIF,
    THETA,
    Filter,
    Neurons,
    SparseNetwork,
    Static,
)

TAU_MS = 10.0
KINDS = {"theta": THETA, "lif": LIF, "izhikevich": IZHIKEVICH}
# a, b, c, d of regular spiking, intrinsically bursting, chattering, fast spiking, low-threshold
# cells.
_CLASSES = np.array(
    [
        [0.02, 0.2, -65, 8],
        [0.02, 0.2, -55, 4],
        [0.02, 0.2, -50, 2],
        [0.1, 0.2, -65, 2],
        [0.02, 0.25, -65, 2],
    ]
)


@dataclass(frozen=True)
class Filtered:
    """Settings.

    Attributes
    ----------
    kind : "theta", "lif" or "izhikevich".
    neurons : how many.
    probability : of a synapse.
    gain : of the initial weights; 0 = none at the start.
    zero_sum : a neuron's initial weights sum to zero.
    inhibitory_fraction : of the neurons, the last ones; above 0 every neuron has probability times
        neurons inputs, in these shares of either class, of weight gain / sqrt(N p) or minus
        `inhibition` times that (Fig 4).
    inhibition : relative size of inhibitory weights.
    drive : constant input.
    tau_slow_ms : synaptic filter.
    step_ms : of the simulation.
    """

    kind: str
    neurons: int
    probability: float = 0.3
    gain: float = 1.0
    zero_sum: bool = False
    inhibitory_fraction: float = 0.0
    inhibition: float = 5.0
    drive: float = 0.0
    tau_slow_ms: float = 20.0
    step_ms: float = 1.0


def filtered_network(
    settings: Filtered, generator: np.random.Generator, dtype: type = np.float32
) -> SparseNetwork:
    """A network with random wiring; every neuron is trained.

    Raises
    ------
    SpiketwinError
        When a class has no neuron, fewer neurons than inputs are asked for, or nothing is wired.
    """
    size, inhibitory = settings.neurons, _inhibitory(settings)
    make = _two_classes if inhibitory.any() else _one_class
    present, weights = make(settings, generator)
    number = present.sum(1).astype(np.int32)
    if not number.any():
        raise SpiketwinError(
            f"no synapse among {size} neurons with network.probability {settings.probability:g}; "
            "raise it, or network.neurons"
        )
    inputs, packed = _packed(present, weights, number)
    return SparseNetwork(
        step_ms=settings.step_ms,
        neurons=_membranes(settings),
        drive=np.full(size, settings.drive, dtype),
        fast=Filter(0.0, 0.0),
        slow=Filter.exact(settings.tau_slow_ms, settings.step_ms, TAU_MS),
        static=no_static(size),
        trained=np.arange(size, dtype=np.int32),
        inputs=inputs,
        number=number,
        weights=packed.astype(dtype),
        feedforward=0,
        inhibitory=inhibitory,
    )


def _inhibitory(settings: Filtered) -> np.ndarray:
    """(neuron,) bool; the last ones."""
    number = round(settings.inhibitory_fraction * settings.neurons)
    if settings.inhibitory_fraction > 0 and number in (0, settings.neurons):
        raise SpiketwinError(
            f"{number} of {settings.neurons} neurons are inhibitory; expected some of either class "
            "(network.inhibitory_fraction, network.neurons)"
        )
    found: np.ndarray = np.arange(settings.neurons) >= settings.neurons - number
    return found


def _one_class(settings: Filtered, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(post, pre) which synapses there are, and Gaussian weights."""
    size = settings.neurons
    present = generator.random((size, size)) < settings.probability
    scale = settings.gain / np.sqrt(size * settings.probability)
    weights = np.where(present, generator.normal(size=(size, size)) * scale, 0)
    if settings.zero_sum:
        weights -= present * (weights.sum(1) / np.maximum(present.sum(1), 1))[:, None]
    return present, weights


def _two_classes(
    settings: Filtered, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """(post, pre) which synapses there are, and weights of two sizes."""
    size, inhibitory = settings.neurons, _inhibitory(settings)
    present = np.zeros((size, size), bool)
    for members in (np.flatnonzero(~inhibitory), np.flatnonzero(inhibitory)):
        wanted = round(settings.probability * len(members))
        for neuron in range(size):
            others = members[members != neuron]
            if wanted > len(others):
                raise SpiketwinError(
                    f"{wanted} inputs from {len(others)} other neurons of a class; lower "
                    "network.probability"
                )
            present[neuron, generator.choice(others, wanted, replace=False)] = True
    strength = settings.gain / np.sqrt(size * settings.probability)
    return present, present * np.where(inhibitory, -settings.inhibition, 1.0) * strength


def no_static(size: int) -> Static:
    """No static synapse."""
    nothing = np.zeros(size + 1, np.int64)
    return Static(nothing, nothing[:-1], np.zeros(0, np.int32), np.zeros((size, 2)))


def _packed(
    present: np.ndarray, weights: np.ndarray, number: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(row, input) presynaptic neurons and weights, filled up with the neuron that never fires."""
    size = len(present)
    inputs = np.full((size, number.max()), size, np.int32)
    packed = np.zeros(inputs.shape)
    for row in range(size):
        sources = np.flatnonzero(present[row])
        inputs[row, : len(sources)] = sources
        packed[row, : len(sources)] = weights[row, sources]
    return inputs, packed


def _membranes(settings: Filtered) -> Neurons:
    """Constants of each neuron model, see `membranes`."""
    size, kind = settings.neurons, KINDS[settings.kind]
    share = settings.step_ms / TAU_MS
    if kind == THETA:
        return Neurons(kind, np.full((1, size), share))
    if kind == LIF:
        return Neurons(kind, np.tile([[share], [1.0], [0.0]], (1, size)))
    classes = _CLASSES[np.arange(size) * len(_CLASSES) // size]
    return Neurons(kind, np.vstack([np.full((1, size), settings.step_ms), classes.T]))
