"""Running a network over a batch of trials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from spiketwin.config import Network as NetworkConfig
from spiketwin.errors import SpiketwinError
from spiketwin.network import engine, loop
from spiketwin.network.choice import engine_of
from spiketwin.network.draws import CounterDraws, draws
from spiketwin.network.fluctuations import wandering
from spiketwin.network.inputs import Stimulation
from spiketwin.network.network import Network
from spiketwin.network.prepared import Prepared, latent_offset, prepare
from spiketwin.network.readout import filtered
from spiketwin.network.spikes import RATE, spike_function
from spiketwin.network.threads import leave_to_torch


@dataclass(frozen=True)
class Activity:
    """What a run gives.

    Attributes
    ----------
    counts : (trial, bin, neuron) spikes.
    projected : (trial, step, trace) spikes projected on the behaviour traces.
    carried : (trial, trace) state of the read-out filter before the first step.
    bins : (step,) bin of each step.
    lengths : (bin,) steps of each bin.
    """

    counts: Tensor
    projected: Tensor
    carried: Tensor
    bins: Tensor
    lengths: Tensor


class Run(NamedTuple):
    """How to run.

    Attributes
    ----------
    seed : same seed, same trials.
    bins : (step,) bin of each step of the window, from 0 and without gaps.
    prerun_s : time simulated before the window; absent: the network's own setting.
    first_trial : number of the first trial; a batch in parts is the same as the batch.
    roulette : tolerance of the compiled engine's gradient, 0 for the exact one: spikes whose
        derivative is below this share of its scale take part in the gradient at random, weighted
        such that its mean stays right. The plain loop is always exact.
    perturbation : (step, neuron) current added in the window, as from optogenetics, in units in
        which the threshold is 0.1.
    """

    seed: int
    bins: np.ndarray
    prerun_s: float | None = None
    first_trial: int = 0
    roulette: float = 0.0
    perturbation: Tensor | None = None


def run(network: Network, stimulation: Stimulation, how: Run) -> Activity:
    """Simulate one trial per row of the stimulation; differentiable in the parameters.

    Parameters
    ----------
    network : the network.
    stimulation : input probabilities, one entry per step of the window.
    how : seed, bins, time before the window.

    Raises
    ------
    SpiketwinError
        When a parameter or an input is not finite, or the batch does not fit into the memory.
    """
    config, device = network.config, network.sign.device
    _check_finite(network, stimulation, how)
    before = round((config.prerun_s if how.prerun_s is None else how.prerun_s) / config.step_s)
    name = engine_of(network).name
    counted = CounterDraws(how.seed, how.first_trial)
    source = draws(how.seed, device, how.first_trial) if name == "torch" else counted
    stimulation = wandering(stimulation, config, counted)
    dimensions = config.latent.dimensions if config.latent else 0
    offset = latent_offset(network, source.latent(stimulation.trials, dimensions))
    prepared = prepare(network, offset, how.perturbation)
    # Copied before the run: a copy waits for the card to finish what it is doing.
    bins = torch.from_numpy(how.bins).to(device)
    lengths = torch.from_numpy(np.bincount(how.bins)).to(network.sign)
    if name == "triton":
        counts, projected = _on_card(prepared, config, stimulation, before, how)
    elif name == "numba":
        counts, projected = engine.simulate(
            prepared, config, stimulation, before, bins, how.seed, how.first_trial, how.roulette
        )
    else:
        leave_to_torch()
        counts, projected = loop.simulate(
            prepared, spike_function(config), stimulation, before, bins, source
        )
    carried = _filter_state(network, prepared, projected[:, :before].detach())
    return Activity(counts, projected[:, before:], carried, bins, lengths)


def _check_finite(network: Network, stimulation: Stimulation, how: Run) -> None:
    for name, values in network.parameters.items():
        wrong = not_finite(values)
        if wrong:
            raise SpiketwinError(
                f"the parameter {name!r} of the network has {wrong} entries that are not finite "
                "numbers; fit it again (a lower learning.learning_rate if that is how it came)"
            )
    given = {"input probability": stimulation.probability, "perturbation": how.perturbation}
    for name, current in given.items():
        wrong = 0 if current is None else not_finite(current)
        if wrong:
            raise SpiketwinError(f"the {name} has {wrong} entries that are not finite numbers")


def not_finite(values: Tensor) -> int:
    """Number of entries that are not finite."""
    # One pass as a rule: a finite sum has finite terms.
    if torch.isfinite(values.detach().sum()):
        return 0
    return int((~torch.isfinite(values)).sum())


def _on_card(
    prepared: Prepared, config: NetworkConfig, stimulation: Stimulation, before: int, how: Run
) -> tuple[Tensor, Tensor]:
    from spiketwin.network.gpu.engine import simulate  # Triton comes with CUDA only

    return simulate(prepared, config, stimulation, before, how.bins, how.seed, how.first_trial)


def even_bins(steps: int, per_bin: int) -> np.ndarray:
    """(step,) bin of each step for bins of equally many steps."""
    return np.arange(steps) // per_bin


def observed(network: Network, activity: Activity, seed: int) -> Tensor:
    """Spikes per bin as they would be recorded, without gradient.

    Where neurons send rates these are Poisson draws of the expected spikes: what is compared with
    recorded trials must vary as they do.

    Returns
    -------
    (trial, bin, neuron).
    """
    counts = activity.counts.detach()
    if network.config.spike_function != RATE:
        return counts
    return torch.poisson(counts.cpu(), torch.Generator().manual_seed(seed)).to(counts.device)


def behaviour(network: Network, activity: Activity) -> Tensor:
    """Behaviour read out of a run, averaged in its bins; differentiable.

    Returns
    -------
    (trial, bin, trace).
    """
    if not network.traces:
        return activity.counts.new_zeros(*activity.counts.shape[:2], 0)
    values, config = network.parameters, network.config
    state = filtered(activity.projected, activity.carried, config.step_s, config.readout.tau_s)
    traces = values["readout_offset"] + values["readout_gain"] * state
    total = traces.new_zeros(len(traces), len(activity.lengths), traces.shape[2])
    return total.index_add(1, activity.bins, traces) / activity.lengths[:, None]


def _filter_state(network: Network, prepared: Prepared, projected: Tensor) -> Tensor:
    """State of the read-out filter (trial, trace) after these projections, from rest."""
    rest = projected.new_zeros(len(projected), len(prepared.readout))
    if not network.traces or not projected.shape[1]:
        return rest
    config = network.config
    return filtered(projected, rest, config.step_s, config.readout.tau_s)[:, -1]
