"""Parameters of a network as a simulation needs them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from spiketwin.network.network import Network
from spiketwin.network.neurons import THRESHOLD, NeuronConstants
from spiketwin.network.spikes import RATE


@dataclass(frozen=True)
class Prepared:
    """Built once per run; differentiable in the parameters of the network.

    Attributes
    ----------
    recurrent : (delay * pre, post), with sign, 1/2 and (1 - decay) multiplied in.
    input : (channel, post), likewise.
    drive : (trial, neuron), (1 - decay) times the constant current.
    noise : (neuron,), amplitude of the noise.
    readout : (trace, neuron), with 1/2 multiplied in.
    extra : (step, neuron), (1 - decay) times the current of a perturbation in the window; no steps
        without one.
    delays : steps of each delay.
    constants : neuron constants.
    mask : (post, pre), 1 where a synapse may exist.
    """

    recurrent: Tensor
    input: Tensor
    drive: Tensor
    noise: Tensor
    readout: Tensor
    extra: Tensor
    delays: tuple[int, ...]
    constants: NeuronConstants
    mask: Tensor


def prepare(network: Network, offset: Tensor, perturbation: Tensor | None = None) -> Prepared:
    """Fold signs, the factor 1/2 and (1 - decay) into the weights.

    Parameters
    ----------
    network : the network.
    offset : (trial, neuron), of the latent.
    perturbation : (step, neuron), current added in the window.
    """
    config, values = network.config, network.parameters
    keep = math.exp(-config.step_s / config.adaptation_tau_s)
    decay = network.decay()
    gain = 1 - decay
    reset = THRESHOLD - values["rest"]
    recurrent = network.signed_recurrent() * (gain / 2)[:, None]
    spikes = config.spike_function != RATE
    refractory = round(config.refractory_s / config.step_s) if spikes else 0
    return Prepared(
        recurrent=recurrent.permute(0, 2, 1).flatten(0, 1),
        input=(network.signed_input() * (gain / 2)[:, None]).T,
        drive=gain * (offset + values["rest"] + values["bias"]),
        noise=values["noise_gain"] * reset * (config.noise * math.sqrt(1000 * config.step_s)),
        readout=projection(network),
        extra=gain.new_zeros(0, len(gain))
        if perturbation is None
        else gain * perturbation.to(gain),
        delays=tuple(max(1, round(delay / config.step_s)) for delay in config.delays_s),
        constants=NeuronConstants(
            decay, reset if spikes else 0 * reset, refractory, config.adaptation, keep
        ),
        mask=network.mask,
    )


def latent_offset(network: Network, draws: Tensor) -> Tensor:
    """Offset of every neuron in every trial, (trial, neuron); zero without a latent.

    Parameters
    ----------
    network : the network.
    draws : (trial, dimension) uniform in [0, 1).
    """
    if network.config.latent is None:
        return network.sign.new_zeros(len(draws), network.neurons)
    values = network.parameters
    centred = draws.to(network.sign) - 0.5
    hidden = torch.relu(centred @ values["latent_hidden"].T + values["latent_offset"])
    return hidden @ values["latent_output"].T


def projection(network: Network) -> Tensor:
    """(trace, neuron) projection of the spikes, with 1/2 and the read-out areas multiplied in."""
    if not network.traces:
        return network.sign.new_zeros(0, network.neurons)
    return network.parameters["readout_weight"] * network.read / 2


def reach(mask: Tensor) -> np.ndarray:
    """(pre, 2) int32: the posts of each neuron lie in [first, last)."""
    allowed = mask.cpu().numpy() != 0
    posts = len(allowed)
    first = np.where(allowed.any(0), allowed.argmax(0), 0)
    last = np.where(allowed.any(0), posts - allowed[::-1].argmax(0), 0)
    return np.stack([first, last], 1).astype(np.int32)
