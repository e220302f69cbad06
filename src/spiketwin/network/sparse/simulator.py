"""A trial of a sparse network, advanced piece by piece."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spiketwin.network.sparse.advance import Buffers, Constants, Driven, Kept, Wiring, advance
from spiketwin.network.sparse.structure import IZHIKEVICH, LIF, THETA, SparseNetwork

NO_EVENTS = np.zeros((0, 2), np.int32)


class Piece(NamedTuple):
    """What some steps brought.

    counts (neuron,) int32, spikes; input (neuron,), mean synaptic input (static and plastic) over
    the sampled steps; spikes (spike, 2) int32, step and neuron, as far as there was room.
    """

    counts: np.ndarray
    input: np.ndarray
    spikes: np.ndarray


class Simulator:
    """State of one trial; the weights are those of the network, also while they are learned.

    Parameters
    ----------
    network : what to simulate; its arrays set the precision (float32 or float64).
    membrane : (variable, neuron) state of the membranes at the start; silent synapses.
    key, trial : of the noise.
    sample_every : steps between samples of the synaptic input.
    """

    def __init__(
        self,
        network: SparseNetwork,
        membrane: np.ndarray,
        key: int = 0,
        trial: int = 0,
        sample_every: int = 10,
    ) -> None:
        dtype, size = network.weights.dtype, network.size
        self._network, self._key, self._trial = network, key, trial
        self._wiring, self._constants = wiring_of(network), constants_of(network)
        self._drive = network.drive.astype(dtype)
        self._sample_every, self.step = sample_every, 0
        self._buffers = Buffers(
            membrane=np.array(membrane, dtype),
            held=np.zeros(size, dtype),
            fast=np.zeros(size, dtype),
            slow=np.zeros(size, dtype),
            filtered=np.zeros(network.units, dtype),
            current=np.zeros(size, dtype),
            fired=np.zeros(2 * network.units, np.int32),
            normals=np.zeros((1, size + 1), np.float32),
        )

    @property
    def filtered(self) -> np.ndarray:
        """(unit,) filtered spike trains."""
        return self._buffers.filtered

    @property
    def fast(self) -> np.ndarray:
        """(neuron,) input through the static synapses."""
        return self._buffers.fast

    @property
    def slow(self) -> np.ndarray:
        """(neuron,) input through the plastic synapses."""
        return self._buffers.slow

    @property
    def membrane(self) -> np.ndarray:
        """(variable, neuron) state of the membranes."""
        return self._buffers.membrane

    def advance(
        self,
        steps: int,
        stimulus: np.ndarray | None = None,
        events: np.ndarray = NO_EVENTS,
        room: int = 0,
    ) -> Piece:
        """Run some steps.

        Parameters
        ----------
        steps : how many.
        stimulus : (step, neuron) added input, from the first of these steps on.
        events : (event, 2) step (from the first of these steps) and unit of feed-forward spikes.
        room : spikes to keep at most.
        """
        size, dtype = self._network.size, self._network.weights.dtype
        given = np.zeros((0, size), dtype) if stimulus is None else stimulus
        kept = Kept(
            counts=np.zeros(size, np.int32),
            total=np.zeros(size, dtype),
            sample_every=self._sample_every,
            spikes=np.zeros((room, 2), np.int32),
            number=np.zeros(1, np.int64),
        )
        driven = Driven(
            drive=self._drive,
            stimulus=given.astype(dtype, copy=False),
            event_step=np.ascontiguousarray(events[:, 0]),
            event_unit=np.ascontiguousarray(events[:, 1]),
            first_step=self.step,
            trial=self._trial,
            key=self._key,
        )
        advance(self._constants, self._wiring, self._buffers, driven, kept, steps)
        self.step += steps
        samples = max(1, -(-steps // self._sample_every))
        return Piece(kept.counts, kept.total / samples, kept.spikes[: kept.number[0]])

    def reweigh(self, drive: np.ndarray) -> None:
        """Let changed weights act on spikes that have arrived already.

        Parameters
        ----------
        drive : (row,) input of the trained neurons with the new weights.
        """
        self._buffers.slow[self._network.trained] = drive


def constants_of(network: SparseNetwork) -> Constants:
    """Numbers that the compiled simulator needs."""
    return Constants(
        kind=network.neurons.kind,
        fast_decay=network.fast.decay,
        fast_jump=network.fast.jump,
        slow_decay=network.slow.decay,
        slow_jump=network.slow.jump,
        noise=network.neurons.noise,
        refractory=network.neurons.refractory,
        noisy_current=network.neurons.noisy_current,
    )


def wiring_of(network: SparseNetwork) -> Wiring:
    """Arrays that the compiled simulator needs; the weights are the network's own."""
    dtype, static, outgoing = network.weights.dtype, network.static, network.outgoing
    return Wiring(
        parameters=network.neurons.parameters.astype(dtype),
        static_first=static.first,
        static_boundary=static.boundary,
        static_targets=static.targets,
        static_weights=static.weights.astype(dtype),
        first=outgoing.first,
        place=outgoing.place,
        target=outgoing.target,
        weights=network.weights.reshape(-1),
    )


def random_membrane(network: SparseNetwork, generator: np.random.Generator) -> np.ndarray:
    """(variable, neuron) membranes at the start of a trial.

    LIF: normal, from reset to threshold; theta: uniform phases; Izhikevich: rest around -65 mV."""
    kind, size, parameters = network.neurons.kind, network.size, network.neurons.parameters
    if kind == LIF:
        reach = parameters[1] - parameters[2]
        return (generator.normal(size=size) * reach + parameters[2])[None]
    if kind == THETA:
        return generator.uniform(-np.pi, np.pi, (1, size))
    assert kind == IZHIKEVICH
    v = generator.uniform(-75, -55, size)
    return np.stack([v, parameters[2] * v])
