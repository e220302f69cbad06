"""Running a network over a batch of trials: the plain loop, truth of every faster engine.

    I_j(t) = 1/2 [ sum_k W_in,jk s_k x_k(t) + sum_d sum_i W^d_ji s_i z_i(t - d) ]

Before the window the network runs on base-rate input from the zero state, without gradient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

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
    spikes : (trial, step, neuron) float32.
    carried : (trial, trace) state of the read-out filter before the first step.
    """

    spikes: Tensor
    carried: Tensor


@dataclass(frozen=True)
class Observation:
    """A run as an experimenter sees it.

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


def run(
    network: Network,
    stimulation: Stimulation,
    generator: torch.Generator,
    prerun_s: float | None = None,
) -> Activity:
    """Simulate one trial per row of the stimulation; differentiable in the parameters.

    Parameters
    ----------
    network : the network.
    stimulation : input probabilities, one entry per step of the window.
    generator : source of all randomness of the run.
    prerun_s : time simulated before the window; absent: the network's own setting.
    """
    config = network.config
    steps_before = round((config.prerun_s if prerun_s is None else prerun_s) / config.step_s)
    weights = _prepare(network, latent_offset(network, stimulation.trials, generator))
    with torch.no_grad():
        before = stimulation.baseline_spikes(steps_before, generator)
        early, state = _stretch(weights, _silence(network, weights), before, generator)
        carried = _filter_state(network, early)
    spikes, _ = _stretch(weights, state, stimulation.spikes(generator), generator)
    return Activity(spikes, carried)


def observe(network: Network, activity: Activity, bin_s: float) -> Observation:
    """Bin the spikes and read the behaviour out of them; differentiable in both.

    Parameters
    ----------
    network, activity : the network and its run.
    bin_s : bin width, a multiple of the network's step.
    """
    spikes, per_bin = activity.spikes, round(bin_s / network.config.step_s)
    behaviour = _behaviour(network, spikes, activity.carried)
    return Observation(
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


def _silence(network: Network, weights: _Weights) -> NeuronState:
    """Zero voltages, no recent spikes."""
    zeros = torch.zeros_like(weights.drive)
    length = max(*weights.delays, weights.constants.refractory, 1)
    return NeuronState(zeros, (zeros,) * length)


def _stretch(
    weights: _Weights, state: NeuronState, inputs: Tensor, generator: torch.Generator
) -> tuple[Tensor, NeuronState]:
    """Run over the steps of `inputs` (trial, step, channel); spikes and the state after them."""
    trains = [inputs.new_zeros(len(inputs), 0, weights.drive.shape[1])]
    sources: list[Tensor] = []
    currents = inputs @ weights.input + weights.drive[:, None, :]
    currents = _WeightGradient.apply(currents, weights.recurrent, sources)
    fixed = weights._replace(recurrent=weights.recurrent.detach())
    for current in currents.unbind(1):
        arriving = _delayed(fixed, state)
        # With their graph these tensors would keep the node alive that holds them, for ever.
        sources.append(arriving.detach())
        spikes, state = _one_step(fixed, state, arriving, current, generator)
        trains.append(spikes[:, None])
    return torch.cat(trains, 1), state


class _WeightGradient(torch.autograd.Function):
    """Passes the currents on; backward takes the weights' gradient over all steps in one product.

    Step by step it would cost a matrix of the weights' size in every step. `sources` are the
    presynaptic spikes of each step, filled in while the loop runs.
    """

    @staticmethod
    def forward(ctx: Any, currents: Tensor, recurrent: Tensor, sources: list[Tensor]) -> Tensor:
        ctx.sources = sources
        return currents.view_as(currents)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        presynaptic = torch.stack(ctx.sources, 1).flatten(0, 1)
        return gradients[0], presynaptic.T @ gradients[0].flatten(0, 1), None


def _delayed(weights: _Weights, state: NeuronState) -> Tensor:
    """Presynaptic spikes that arrive now, (trial, delay * neuron)."""
    delayed = [state.recent[delay - 1] for delay in weights.delays]
    return delayed[0] if len(delayed) == 1 else torch.cat(delayed, 1)


def _one_step(
    weights: _Weights,
    state: NeuronState,
    sources: Tensor,
    current: Tensor,
    generator: torch.Generator,
) -> tuple[Tensor, NeuronState]:
    shape, device = current.shape, generator.device
    noise = torch.randn(shape, generator=generator, device=device, dtype=current.dtype)
    uniform = torch.rand(shape, generator=generator, device=device, dtype=current.dtype)
    drive = torch.addmm(current, sources, weights.recurrent)
    return step(state, drive, weights.noise * noise, uniform, weights.constants, weights.spike)


def _behaviour(network: Network, spikes: Tensor, carried: Tensor) -> Tensor:
    """Behaviour (trial, step, trace)."""
    if not network.traces:
        return spikes.new_zeros(*spikes.shape[:2], 0)
    values, config = network.parameters, network.config
    state = filtered(_projected(network, spikes), carried, config.step_s, config.readout.tau_s)
    return values["readout_offset"] + values["readout_gain"] * state


def _filter_state(network: Network, spikes: Tensor) -> Tensor:
    """State of the read-out filter (trial, trace) after these spikes, from rest."""
    rest = spikes.new_zeros(len(spikes), len(network.traces))
    if not network.traces or not spikes.shape[1]:
        return rest
    config = network.config
    return filtered(_projected(network, spikes), rest, config.step_s, config.readout.tau_s)[:, -1]


def _projected(network: Network, spikes: Tensor) -> Tensor:
    return spikes @ (network.parameters["readout_weight"] * network.read).T / 2
