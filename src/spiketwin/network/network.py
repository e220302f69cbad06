"""A recurrent spiking network: structure, and the parameters that learning changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from spiketwin.config import Network as NetworkConfig
from spiketwin.errors import SpiketwinError
from spiketwin.network.connectivity import allowed, initial_input, initial_recurrent
from spiketwin.network.inputs import channel_inhibits
from spiketwin.network.neurons import THRESHOLD
from spiketwin.randomness import integer_seed, numpy_generator

Parameters = dict[str, Tensor]
"""Name -> tensor; the names are those of `Network.parameters`."""


@dataclass(frozen=True)
class Network:
    """Structure and parameters.

    Attributes
    ----------
    config : its settings.
    areas : names of the areas.
    area : (neuron,) int, index into `areas`.
    inhibitory : (neuron,) bool.
    traces : names of the behaviour traces that are read out.
    mask : (post, pre) float32, 1 where a synapse may exist.
    sign : (neuron,) float32, sign of the outgoing synapses (all +1 without Dale's law).
    input_sign : (channel,) float32.
    read : (neuron,) float32, 1 for neurons the read-out sees.
    parameters : ``recurrent`` (delay, post, pre) and ``input`` (neuron, channel) magnitudes,
        ``rest``, ``bias``, ``noise_gain`` (neuron,), ``latent_hidden`` (hidden, dimension),
        ``latent_offset`` (hidden,), ``latent_output`` (neuron, hidden), ``readout_weight``
        (trace, neuron), ``readout_gain``, ``readout_offset`` (trace,).
    """

    config: NetworkConfig
    areas: tuple[str, ...]
    area: np.ndarray
    inhibitory: np.ndarray
    traces: tuple[str, ...]
    mask: Tensor
    sign: Tensor
    input_sign: Tensor
    read: Tensor
    parameters: Parameters

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return len(self.area)

    @property
    def trained(self) -> tuple[str, ...]:
        """Names of the parameters that learning changes."""
        fixed = set() if self.config.train_noise else {"noise_gain"}
        return tuple(name for name in self.parameters if name not in fixed)

    def with_parameters(self, parameters: Parameters) -> Network:
        """The same network with some parameters replaced."""
        return replace(self, parameters={**self.parameters, **parameters})

    def decay(self) -> Tensor:
        """(neuron,) voltage decay per step."""
        tau = np.where(self.inhibitory, self.config.tau_inh_s, self.config.tau_exc_s)
        decay = np.exp(-self.config.step_s / tau).astype(np.float32)
        return torch.from_numpy(decay).to(self.sign)

    def signed_recurrent(self) -> Tensor:
        """(delay, post, pre) weights with their signs."""
        return self.parameters["recurrent"] * self.mask * self.sign

    def signed_input(self) -> Tensor:
        """(neuron, channel) weights with their signs."""
        return self.parameters["input"] * self.input_sign


FEW = 40
"""Smaller networks have resting offsets as small as those of one of this size, inside `bounds`."""


def build(
    stitching: pd.DataFrame, config: NetworkConfig, traces: Sequence[str], seed: int
) -> Network:
    """A network with one neuron per row of the stitching.

    Parameters
    ----------
    stitching : columns ``area`` and ``cell_type``, one row per neuron.
    config : settings.
    traces : behaviour traces to read out.
    seed : seed of the initial weights.
    """
    areas = tuple(dict.fromkeys(stitching["area"]))
    area = stitching["area"].map({name: k for k, name in enumerate(areas)}).to_numpy(dtype=int)
    inhibitory = (stitching["cell_type"] == "inhibitory").to_numpy()
    mask = allowed(area, inhibitory, config.local_inhibition)
    for source, target in config.blocked:
        mask &= ~_between(area, areas, source, target)
    network = Network(
        config=config,
        areas=areas,
        area=area,
        inhibitory=inhibitory,
        traces=tuple(traces),
        mask=float_tensor(mask),
        sign=float_tensor(_signs(inhibitory, config.dale)),
        input_sign=float_tensor(_signs(channel_inhibits(config.inputs), config.dale)),
        read=float_tensor(_readable(area, inhibitory, areas, config)),
        parameters={},
    )
    return replace(network, parameters=_initial_parameters(network, mask, seed))


def _between(area: np.ndarray, areas: tuple[str, ...], source: str, target: str) -> np.ndarray:
    """(post, pre) bool, synapses from one area to another."""
    for name in (source, target):
        if name not in areas:
            raise SpiketwinError(
                f"network.blocked names {name!r}; areas of the network: {', '.join(areas)}"
            )
    found: np.ndarray = (area == areas.index(target))[:, None] & (area == areas.index(source))
    return found


def _signs(inhibitory: np.ndarray, dale: bool) -> np.ndarray:
    return np.where(inhibitory & dale, -1.0, 1.0)


def float_tensor(values: np.ndarray) -> Tensor:
    """Single precision, contiguous."""
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))


def _readable(
    area: np.ndarray, inhibitory: np.ndarray, areas: tuple[str, ...], config: NetworkConfig
) -> np.ndarray:
    """Excitatory neurons of the read-out areas."""
    chosen = config.readout.areas or list(areas)
    for name in chosen:
        if name not in areas:
            raise SpiketwinError(
                f"network.readout.areas names {name!r}; areas of the network: {', '.join(areas)}"
            )
    return np.isin(area, [areas.index(name) for name in chosen]) & ~inhibitory


def _initial_parameters(network: Network, mask: np.ndarray, seed: int) -> Parameters:
    """Weights, offsets, latent and read-out at the start."""
    config, neurons = network.config, network.neurons
    generator = numpy_generator(seed, "initial weights")
    channels_inhibit = channel_inhibits(config.inputs)
    recurrent = initial_recurrent(
        network.area, network.inhibitory, mask, len(config.delays_s), generator
    )
    inputs = initial_input(neurons, channels_inhibit, generator)
    if not config.dale:
        recurrent = recurrent * _signs(network.inhibitory, True)
        inputs = inputs * _signs(channels_inhibit, True)
    return {
        "recurrent": float_tensor(recurrent),
        "input": float_tensor(inputs),
        "rest": float_tensor((generator.random(neurons) - 0.5) / np.sqrt(max(neurons, FEW))),
        "bias": torch.zeros(neurons),
        "noise_gain": torch.ones(neurons),
        **_initial_latent(network, seed),
        **_initial_readout(network, seed),
    }


def _initial_latent(network: Network, seed: int) -> Parameters:
    """Two-layer perceptron with PyTorch's default initialisation, output scaled."""
    latent = network.config.latent
    if latent is None:
        return {}
    generator = torch.Generator().manual_seed(integer_seed(seed, "latent"))

    def uniform(*shape: int, fan_in: int) -> Tensor:
        return (2 * torch.rand(*shape, generator=generator) - 1) / fan_in**0.5

    output = uniform(network.neurons, latent.hidden, fan_in=latent.hidden)
    return {
        "latent_hidden": uniform(latent.hidden, latent.dimensions, fan_in=latent.dimensions),
        "latent_offset": uniform(latent.hidden, fan_in=latent.dimensions),
        "latent_output": latent.scale * output,
    }


def _initial_readout(network: Network, seed: int) -> Parameters:
    """Read-out weights of unit scale over the square root of their number."""
    if not network.traces:
        return {}
    generator = torch.Generator().manual_seed(integer_seed(seed, "readout"))
    shape = (len(network.traces), network.neurons)
    scale = (2 / (network.read.sum() + len(network.traces))) ** 0.5
    return {
        "readout_weight": torch.randn(shape, generator=generator) * scale * network.read,
        "readout_gain": torch.full((len(network.traces),), 10.0),
        "readout_offset": torch.zeros(len(network.traces)),
    }


def bounds(network: Network, name: str) -> tuple[float, float]:
    """Smallest and largest value that a parameter may have."""
    if name in ("recurrent", "input") and network.config.dale:
        return 0.0, math.inf
    return (-THRESHOLD, THRESHOLD) if name == "rest" else (-math.inf, math.inf)


def clip(network: Network, parameters: Parameters) -> Parameters:
    """Parameters with the constraints restored: signs, masks, resting offset within a threshold."""
    clipped = {name: value.clamp(*bounds(network, name)) for name, value in parameters.items()}
    return {**clipped, "recurrent": clipped["recurrent"] * network.mask}
