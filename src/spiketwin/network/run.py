"""Running a network over a batch of trials: the plain loop, truth of every faster engine.

    I_j(t) = 1/2 [ sum_k W_in,jk s_k x_k(t) + sum_d sum_i W^d_ji s_i z_i(t - d) ]

Before the window the network runs on base-rate input from the zero state, without gradient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from spiketwin.network.inputs import Stimulation
from spiketwin.network.network import Network
from spiketwin.network.neurons import THRESHOLD, NeuronConstants, NeuronState, SpikeFunction, step
from spiketwin.network.readout import filtered
from spiketwin.network.spikes import spike_function


@dataclass(frozen=True)
class Activity:
    """What a run gives.

    Attributes
    ----------
    counts : (trial, bin, neuron) float32.
    behaviour : (trial, bin, trace) float32.
    """

    counts: Tensor
    behaviour: Tensor


class _Weights(NamedTuple):
    """Parameters as one step needs them; built once per run.

    ``recurrent`` is (delay * pre, post) and ``input`` (channel, post), both with sign, 1/2 and
    (1 - decay) multiplied in; ``drive`` (trial, neuron) is the constant current; ``noise``
    (neuron,) the noise amplitude.
    """

    recurrent: Tensor
    input: Tensor
    drive: Tensor
    noise: Tensor
    delays: tuple[int, ...]
    constants: NeuronConstants
    spike: SpikeFunction


class _Memory(NamedTuple):
    """Neurons and read-out filter between two stretches of a run."""

    neurons: NeuronState
    readout: Tensor


def run(
    network: Network,
    stimulation: Stimulation,
    generator: torch.Generator,
    bin_s: float,
    prerun_s: float | None = None,
) -> Activity:
    """Simulate one trial per row of the stimulation; differentiable in the parameters.

    Parameters
    ----------
    network : the network.
    stimulation : input probabilities, one entry per step of the window.
    generator : source of all randomness of the run.
    bin_s : width of the bins of the result, a multiple of the network's step.
    prerun_s : time simulated before the window; absent: the network's own setting.
    """
    config = network.config
    steps_before = round((config.prerun_s if prerun_s is None else prerun_s) / config.step_s)
    weights = _prepare(network, latent_offset(network, stimulation.trials, generator))
    memory = _silence(network, stimulation.trials, weights)
    with torch.no_grad():
        before = stimulation.baseline_spikes(steps_before, generator)
        _, _, memory = _stretch(network, weights, memory, before, generator)
    inputs = stimulation.spikes(generator)
    spikes, behaviour, _ = _stretch(network, weights, memory, inputs, generator)
    per_bin = round(bin_s / config.step_s)
    return Activity(
        counts=spikes.unflatten(1, (-1, per_bin)).sum(2) if per_bin > 1 else spikes,
        behaviour=behaviour.unflatten(1, (-1, per_bin)).mean(2),
    )


def latent_offset(network: Network, trials: int, generator: torch.Generator) -> Tensor:
    """Offset of every neuron in every trial, (trial, neuron); zero without a latent."""
    latent = network.config.latent
    if latent is None:
        return network.sign.new_zeros(trials, network.neurons)
    draws = torch.rand((trials, latent.dimensions), generator=generator, device=generator.device)
    values = network.parameters
    hidden = torch.relu((draws - 0.5) @ values["latent_hidden"].T + values["latent_offset"])
    return hidden @ values["latent_output"].T


def _prepare(network: Network, offset: Tensor) -> _Weights:
    """Fold signs, the factor 1/2 and (1 - decay) into the weights."""
    config, values = network.config, network.parameters
    decay = network.decay()
    gain = 1 - decay
    reset = THRESHOLD - values["rest"]
    recurrent = network.signed_recurrent() * (gain / 2)[:, None]
    step_ms = 1000 * config.step_s
    return _Weights(
        recurrent=recurrent.permute(0, 2, 1).flatten(0, 1),
        input=(network.signed_input() * (gain / 2)[:, None]).T,
        drive=gain * (offset + values["rest"] + values["bias"]),
        noise=values["noise_gain"] * reset * (config.noise * math.sqrt(step_ms)),
        delays=tuple(max(1, round(delay / config.step_s)) for delay in config.delays_s),
        constants=NeuronConstants(decay, reset, round(config.refractory_s / config.step_s)),
        spike=spike_function(config),
    )


def _silence(network: Network, trials: int, weights: _Weights) -> _Memory:
    """Zero voltages, no recent spikes."""
    zeros = network.sign.new_zeros(trials, network.neurons)
    length = max(*weights.delays, weights.constants.refractory, 1)
    return _Memory(
        NeuronState(zeros, (zeros,) * length), zeros.new_zeros(trials, len(network.traces))
    )


def _stretch(
    network: Network,
    weights: _Weights,
    memory: _Memory,
    inputs: Tensor,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor, _Memory]:
    """Run over the steps of `inputs` (trial, step, channel); spikes, behaviour and memory after."""
    currents = (inputs @ weights.input + weights.drive[:, None, :]).unbind(1)
    state, trains = memory.neurons, []
    for current in currents:
        spikes, state = _one_step(weights, state, current, generator)
        trains.append(spikes)
    if not trains:
        empty = inputs.new_zeros(len(inputs), 0, network.neurons)
        return empty, empty[:, :, : len(network.traces)], memory
    spikes = torch.stack(trains, 1)
    trace, readout = _read(network, spikes, memory.readout)
    return spikes, trace, _Memory(state, readout)


def _one_step(
    weights: _Weights, state: NeuronState, current: Tensor, generator: torch.Generator
) -> tuple[Tensor, NeuronState]:
    delayed = [state.recent[delay - 1] for delay in weights.delays]
    sources = delayed[0] if len(delayed) == 1 else torch.cat(delayed, 1)
    shape, device = current.shape, generator.device
    noise = torch.randn(shape, generator=generator, device=device, dtype=current.dtype)
    uniform = torch.rand(shape, generator=generator, device=device, dtype=current.dtype)
    drive = torch.addmm(current, sources, weights.recurrent)
    return step(state, drive, weights.noise * noise, uniform, weights.constants, weights.spike)


def _read(network: Network, spikes: Tensor, initial: Tensor) -> tuple[Tensor, Tensor]:
    """Behaviour (trial, step, trace) and the filter state after the last step."""
    if not network.traces:
        return spikes.new_zeros(*spikes.shape[:2], 0), initial
    values = network.parameters
    projected = spikes @ (values["readout_weight"] * network.read).T / 2
    filter_state = filtered(projected, initial, network.config.step_s, network.config.readout.tau_s)
    return values["readout_offset"] + values["readout_gain"] * filter_state, filter_state[:, -1]
