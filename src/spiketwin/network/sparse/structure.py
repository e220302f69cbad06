"""Sparse networks with filtered synapses (Kim & Chow 2018; Kim et al. 2023).

    tau_fast df_i/dt = -f_i + sum_j w0_ij s_j       static synapses: fast, strong, never learned
    tau_slow du_i/dt = -u_i + sum_j w_ij s_j        plastic synapses: slow, learned
    tau_slow dr_j/dt = -r_j + s_j                   filtered trains, the regressors of learning
    input of neuron i = drive_i + stimulus_i(t) + f_i + u_i

s_j are sums of deltas. A spike adds `jump` times its weight to f or u and `slow_jump` to r, at the
end of its step; both then decay by a constant factor per step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from torch import Tensor

THETA, LIF, IZHIKEVICH = 0, 1, 2
"""Neuron models; what `Neurons.parameters` holds differs, see `membranes`."""


@dataclass(frozen=True)
class Neurons:
    """Membranes.

    Attributes
    ----------
    kind : `THETA`, `LIF` or `IZHIKEVICH`.
    parameters : (parameter, neuron) constants, see `membranes`.
    noise : s.d. that noise adds to the membrane, or to its current, in one step.
    refractory : steps without integration after a spike.
    noisy_current : the noise enters with the current, which a refractory neuron does not feel.
    """

    kind: int
    parameters: np.ndarray
    noise: float = 0.0
    refractory: int = 0
    noisy_current: bool = False


@dataclass(frozen=True)
class Filter:
    """Decay per step, and what a spike of weight 1 adds."""

    decay: float
    jump: float

    @staticmethod
    def euler(tau_ms: float, step_ms: float) -> Filter:
        """Forward Euler, weights in units of current times ms."""
        return Filter(1 - step_ms / tau_ms, 1 / tau_ms)

    @staticmethod
    def exact(tau_ms: float, step_ms: float, unit_ms: float) -> Filter:
        """Exact decay; a filtered train in spikes per `unit_ms`."""
        return Filter(float(np.exp(-step_ms / tau_ms)), unit_ms / tau_ms)


@dataclass(frozen=True)
class Static:
    """Outgoing synapses of fixed weight: each neuron has one weight onto the neurons before `split`
    (the excitatory ones) and one onto the others.

    Attributes
    ----------
    first : (neuron + 1,) int64, where the targets of each neuron begin.
    boundary : (neuron,) int64, where its targets from `split` on begin.
    targets : (synapse,) int32, rising within a neuron.
    weights : (neuron, 2) onto the neurons before and from `split` on.
    """

    first: np.ndarray
    boundary: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class SparseNetwork:
    """Structure and weights.

    Attributes
    ----------
    step_ms : of the simulation.
    neurons : membranes.
    drive : (neuron,) constant input.
    fast, slow : filters of static and plastic synapses.
    static : static synapses.
    trained : (row,) int32, neurons with plastic inputs.
    inputs : (row, input) int32, presynaptic units: neurons, then feed-forward units, then one
        unit that never fires and fills the rows up.
    number : (row,) int32, inputs of each row.
    weights : (row, input) plastic weights.
    feedforward : number of feed-forward units.
    inhibitory : (neuron,) bool.
    """

    step_ms: float
    neurons: Neurons
    drive: np.ndarray
    fast: Filter
    slow: Filter
    static: Static
    trained: np.ndarray
    inputs: np.ndarray
    number: np.ndarray
    weights: np.ndarray
    feedforward: int
    inhibitory: np.ndarray

    @property
    def size(self) -> int:
        """Number of neurons."""
        return len(self.drive)

    @property
    def units(self) -> int:
        """Neurons, feed-forward units and the one that never fires."""
        return self.size + self.feedforward + 1

    @property
    def nothing(self) -> int:
        """The unit that never fires."""
        return self.units - 1

    def with_weights(self, weights: np.ndarray) -> SparseNetwork:
        """The same network with other plastic weights; wiring that was sorted stays sorted."""
        changed = replace(self, weights=weights)
        changed.__dict__["outgoing"] = self.outgoing
        return changed

    def with_parameters(self, parameters: dict[str, Tensor]) -> SparseNetwork:
        """The same network with the weights ``parameters["weights"]``."""
        return self.with_weights(parameters["weights"].numpy())

    @cached_property
    def outgoing(self) -> Outgoing:
        """Plastic synapses by their source."""
        return Outgoing.of(self.inputs, self.number, self.trained, self.units)


@dataclass(frozen=True)
class Outgoing:
    """Plastic synapses by their source; there is one array of weights, sorted by target.

    Attributes
    ----------
    first : (unit + 1,) int64, where the synapses of each unit begin.
    place : (synapse,) int64, flat position of the weight in (row, input).
    target : (synapse,) int32, postsynaptic neuron.
    """

    first: np.ndarray
    place: np.ndarray
    target: np.ndarray

    @staticmethod
    def of(inputs: np.ndarray, number: np.ndarray, trained: np.ndarray, units: int) -> Outgoing:
        """Sort the inputs of all rows by their source."""
        used = (np.arange(inputs.shape[1]) < number[:, None]).ravel()
        place = np.flatnonzero(used)
        source = inputs.ravel()[place]
        order = np.argsort(source, kind="stable")
        first = np.zeros(units + 1, np.int64)
        np.cumsum(np.bincount(source, minlength=units), out=first[1:])
        place = place[order]
        target = trained[place // inputs.shape[1]].astype(np.int32)
        return Outgoing(first, place.astype(np.int64), target)
