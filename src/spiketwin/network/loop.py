"""The plain loop over time steps, truth of the compiled kernels, and the path for other devices.

    I_j(t) = 1/2 [ sum_k W_in,jk s_k x_k(t) + sum_d sum_i W^d_ji s_i z_i(t - d) ]

Before the window the network runs on base-rate input from the zero state, without gradient.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from spiketwin.network.draws import Draws
from spiketwin.network.inputs import Stimulation
from spiketwin.network.memory import LoopSize, check_loop
from spiketwin.network.neurons import NeuronState, SpikeFunction, step
from spiketwin.network.prepared import Prepared


def simulate(
    prepared: Prepared,
    spike: SpikeFunction,
    stimulation: Stimulation,
    before: int,
    bins: Tensor,
    draws: Draws,
) -> tuple[Tensor, Tensor]:
    """Simulate one trial per row of the stimulation; differentiable in what is prepared.

    Parameters
    ----------
    prepared, spike : network and spike function.
    stimulation : input probabilities, one entry per step of the window.
    before : steps before the window.
    bins : (step,) bin of each step of the window, not decreasing.
    draws : random numbers.

    Returns
    -------
    Spike counts (trial, bin, neuron), and spikes projected on the traces (trial, step, trace), with
    the steps before the window.

    Raises
    ------
    SpiketwinError
        When the run does not fit into the memory of the machine.
    """
    if prepared.drive.device.type == "cpu":
        check_loop(_size(prepared, stimulation, before, int(bins[-1]) + 1))
    baseline = stimulation.baseline.expand(stimulation.trials, before, -1)
    unperturbed = replace(prepared, extra=prepared.extra[:0])
    with torch.no_grad():
        early, state = _stretch(
            unperturbed, spike, _silence(prepared), baseline, stimulation.channels, draws, 0
        )
    spikes, _ = _stretch(
        prepared, spike, state, stimulation.probability, stimulation.channels, draws, before
    )
    counts = spikes.new_zeros(len(spikes), int(bins[-1]) + 1, spikes.shape[2])
    return (
        counts.index_add(1, bins, spikes),
        torch.cat([early, spikes], 1) @ prepared.readout.T,
    )


def _size(prepared: Prepared, stimulation: Stimulation, before: int, bins: int) -> LoopSize:
    learned = prepared.recurrent, prepared.input, prepared.drive, prepared.noise
    return LoopSize(
        trials=stimulation.trials,
        before=before,
        steps=stimulation.probability.shape[1],
        bins=bins,
        neurons=prepared.drive.shape[1],
        channels=len(stimulation.channels),
        delays=len(prepared.delays),
        adaptive=prepared.constants.adaptation > 0,
        learning=torch.is_grad_enabled() and any(tensor.requires_grad for tensor in learned),
        itemsize=prepared.drive.element_size(),
    )


def _silence(prepared: Prepared) -> NeuronState:
    """Zero voltages, no recent spikes."""
    zeros = torch.zeros_like(prepared.drive)
    length = max(*prepared.delays, prepared.constants.refractory, 1)
    return NeuronState(zeros, (zeros,) * length, zeros)


def _stretch(
    prepared: Prepared,
    spike: SpikeFunction,
    state: NeuronState,
    probability: Tensor,
    channels: Tensor,
    draws: Draws,
    first: int,
) -> tuple[Tensor, NeuronState]:
    """Run over the steps of `probability` (trial, step, group); spikes and the state after them."""
    trials, steps, _ = probability.shape
    uniform = draws.inputs(trials, first, steps, len(channels))
    inputs = (uniform < probability[:, :, channels]).to(prepared.drive)
    currents = inputs @ prepared.input + prepared.drive[:, None, :]
    if len(prepared.extra):
        currents = currents + prepared.extra
    trains = [currents.new_zeros(trials, 0, currents.shape[2])]
    sources: list[Tensor] = []
    currents = _WeightGradient.apply(currents, prepared.recurrent, sources)
    fixed = replace(prepared, recurrent=prepared.recurrent.detach())
    for k, current in enumerate(currents.unbind(1)):
        arriving = _delayed(fixed, state)
        # With their graph these tensors would keep the node alive that holds them, for ever.
        sources.append(arriving.detach())
        drawn = draws.neurons(trials, first + k, currents.shape[2])
        spikes, state = _one_step(fixed, spike, state, arriving, current, drawn)
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


def _delayed(prepared: Prepared, state: NeuronState) -> Tensor:
    """Presynaptic spikes that arrive now, (trial, delay * neuron)."""
    delayed = [state.recent[delay - 1] for delay in prepared.delays]
    return delayed[0] if len(delayed) == 1 else torch.cat(delayed, 1)


def _one_step(
    prepared: Prepared,
    spike: SpikeFunction,
    state: NeuronState,
    sources: Tensor,
    current: Tensor,
    drawn: tuple[Tensor, Tensor],
) -> tuple[Tensor, NeuronState]:
    noise, uniform = (numbers.to(current.dtype) for numbers in drawn)
    drive = torch.addmm(current, sources, prepared.recurrent)
    return step(state, drive, prepared.noise * noise, uniform, prepared.constants, spike)
