"""From a configuration and targets to everything a rate-matching fit needs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spiketwin.config import BalancedNetwork, FilteredNetwork, RateModel, RlsLearning
from spiketwin.errors import SpiketwinError
from spiketwin.learning.rls.regressors import Regressors, groups_of
from spiketwin.network.sparse.balanced import Balanced, balanced_network, static_synapses
from spiketwin.network.sparse.course import Course, feedforward_rates, frozen_noise
from spiketwin.network.sparse.filtered import TAU_MS, Filtered, filtered_network
from spiketwin.network.sparse.observe import observe
from spiketwin.network.sparse.stationary import noise_of, seeming_threshold, target_current
from spiketwin.network.sparse.structure import SparseNetwork
from spiketwin.randomness import integer_seed, numpy_generator
from spiketwin.trials.targets import DRIVE, RATE, Targets

SPONTANEOUS_MS = 5000.0
"""Simulated before learning, to know rates and noise of the untrained network."""
SD_NEURONS = 1000


@dataclass(frozen=True)
class Assembled:
    """A fit that can begin.

    Attributes
    ----------
    network : untrained; its rows are the cells of the targets.
    course : of the trials.
    targets : `DRIVE`, whole input; or `RATE`, spikes per 10 ms.
    """

    network: SparseNetwork
    course: Course
    targets: Targets


def assemble_balanced(
    model: RateModel,
    targets: Targets,
    inhibitory: np.ndarray,
    seed: int,
    channels: np.ndarray | None = None,
) -> Assembled:
    """A balanced network for target rates, or for drives around the mean input of every neuron.

    Parameters
    ----------
    model : settings; its network is balanced.
    targets : `RATE` (hertz) of some cells, or `DRIVE` for every neuron, as difference from its
    mean. inhibitory : (cell,) class of the cells (not used for drives).
    seed : of wiring, cues and feed-forward rates.
    channels : (condition, step, channel) spikes per step of units that tell of the stimuli.
    """
    config = model.network
    assert isinstance(config, BalancedNetwork)
    settings = balanced_settings(config, len(targets.conditions), channels)
    static = static_synapses(settings, numpy_generator(seed, "static"))
    wiring = numpy_generator(seed, "plastic")
    if targets.kind == DRIVE:
        network = balanced_network(settings, wiring, static=static)
        course = course_of(model, network, targets, seed)
        values = targets.values + spontaneous(network, course, seed).mean_input
    else:
        alone = balanced_network(replace(settings, feedforward=0), wiring, static=static)
        resting = spontaneous(alone, _silence(alone), seed)
        trained = match_by_rate(
            targets.mean_rate_hz(), inhibitory, resting.rate_hz, alone.inhibitory
        )
        pool = trained[~inhibitory] if config.spread_from == "trained" else None
        network = balanced_network(settings, wiring, trained, pool, static=static)
        course = course_of(model, network, targets, seed, channels)
        sigma = float(np.hypot(noise_of(resting.fast_sd, settings.tau_fast_ms), settings.noise))
        threshold = seeming_threshold(settings.noise, settings.step_ms)
        values = target_current(targets.values, _noisy(sigma), threshold=threshold)
    _check_size(network, targets)
    return Assembled(network, course, replace(targets, values=values, kind=DRIVE))


def assemble_filtered(model: RateModel, targets: Targets, seed: int) -> Assembled:
    """A network of Kim & Chow; targets are drives, or rates in spikes per 10 ms."""
    config = model.network
    assert isinstance(config, FilteredNetwork)
    settings = Filtered(
        kind=config.kind,
        neurons=config.neurons,
        probability=config.probability,
        gain=config.gain,
        zero_sum=config.zero_sum,
        inhibitory_fraction=config.inhibitory_fraction,
        inhibition=config.inhibition,
        drive=config.drive,
        tau_slow_ms=1000 * config.tau_slow_s,
        step_ms=1000 * config.step_s,
    )
    network = filtered_network(settings, numpy_generator(seed, "plastic"))
    _check_size(network, targets)
    course = course_of(model, network, targets, seed)
    if targets.kind == RATE and config.kind != "theta":
        raise SpiketwinError(
            f"rates of {config.kind} neurons cannot be matched; take drives (targets.measure), or "
            "network.kind theta or balanced"
        )
    if targets.kind == RATE:
        values = targets.values * TAU_MS / 1000
    else:
        values = targets.values + network.drive
    return Assembled(network, course, replace(targets, values=values))


def _noisy(sigma: float) -> float:
    """The noise, if there is any."""
    if sigma <= 0:
        raise SpiketwinError(
            "the untrained network is silent, so that rates say nothing about currents; raise "
            "network.static_inputs, network.drive or network.noise"
        )
    return sigma


def _check_size(network: SparseNetwork, targets: Targets) -> None:
    if targets.cells != len(network.trained):
        raise SpiketwinError(
            f"targets for {targets.cells} cells, but {len(network.trained)} trained neurons "
            "(network.neurons)"
        )


def balanced_settings(
    config: BalancedNetwork, conditions: int, channels: np.ndarray | None = None
) -> Balanced:
    """Settings with what was left to be derived; each condition has feed-forward units of its
    own."""
    given = config.static_inputs
    static = round(0.1 * (config.neurons // 2)) if given is None else given
    plastic = config.plastic_inputs or round(2 * np.sqrt(max(static, 1)))
    weight = 10 / np.sqrt(plastic)
    return Balanced(
        neurons=config.neurons,
        static_inputs=static,
        plastic_inputs=plastic,
        drive=config.drive,
        plastic_weights=config.plastic_weights or (weight, -weight),
        feedforward=config.feedforward * conditions
        + (0 if channels is None else channels.shape[2]),
        tau_fast_ms=1000 * config.tau_fast_s,
        tau_slow_ms=1000 * config.tau_slow_s,
        step_ms=1000 * config.step_s,
        noise=config.noise,
        noise_in=config.noise_in,
    )


def course_of(
    model: RateModel,
    network: SparseNetwork,
    targets: Targets,
    seed: int,
    channels: np.ndarray | None = None,
) -> Course:
    """Frozen cues and feed-forward rates of every condition; `channels` are the last units."""
    step_ms, cue = network.step_ms, model.cue
    window = targets.instants * round(targets.every_ms / step_ms)
    told = 0 if channels is None else channels.shape[2]
    own = (network.feedforward - told) // len(targets.conditions)
    cues = []
    rates = np.zeros((len(targets.conditions), window, network.feedforward), np.float32)
    for k, condition in enumerate(targets.conditions):
        cues.append(_cue(model, network, numpy_generator(seed, "cue", condition)))
        drawn = numpy_generator(seed, "feed-forward", condition)
        rates[k, :, k * own : (k + 1) * own] = feedforward_rates(window, own, step_ms, drawn)
    if channels is not None:
        rates[:, :, network.feedforward - told :] = channels[:, :window]
    lead = round(1000 * cue.lead_s / step_ms)
    return Course(targets.conditions, lead, np.stack(cues), window, rates)


def _cue(model: RateModel, network: SparseNetwork, generator: np.random.Generator) -> np.ndarray:
    steps = round(1000 * model.cue.duration_s / network.step_ms)
    if model.cue.kind == "frozen noise":
        return frozen_noise(steps, network.size, network.step_ms, generator)
    size = model.cue.amplitude if model.cue.kind == "constant" else 0.0
    values = generator.uniform(-size, size, network.size) if size else np.zeros(network.size)
    return np.broadcast_to(values.astype(np.float32), (steps, network.size))


def _silence(network: SparseNetwork) -> Course:
    """A long window without a cue."""
    steps = round(SPONTANEOUS_MS / network.step_ms)
    nothing = np.zeros((1, 0, network.size), np.float32)
    rates = np.zeros((1, steps, network.feedforward), np.float32)
    return Course(("silence",), round(1000 / network.step_ms), nothing, steps, rates)


@dataclass(frozen=True)
class Spontaneous:
    """The untrained network: rate_hz (neuron,), mean_input (row,), fast_sd (temporal s.d.)."""

    rate_hz: np.ndarray
    mean_input: np.ndarray
    fast_sd: float


def spontaneous(network: SparseNetwork, course: Course, seed: int) -> Spontaneous:
    """Watch the untrained network for a few trials."""
    every = round(1.0 / network.step_ms) or 1
    seen = observe(network, course, 0, every, 2, integer_seed(seed, "spontaneous"), fast=SD_NEURONS)
    seconds = seen.counts.shape[1] * every * network.step_ms / 1000
    return Spontaneous(
        rate_hz=seen.counts.sum((0, 1)) / len(seen.counts) / seconds,
        mean_input=seen.input.mean((0, 1)),
        fast_sd=float(seen.fast.std(1).mean()),
    )


def match_by_rate(
    rates_hz: np.ndarray,
    inhibitory: np.ndarray,
    neuron_rates_hz: np.ndarray,
    neuron_inhibitory: np.ndarray,
) -> np.ndarray:
    """(cell,) model neuron of each recorded cell: from the highest rate to the lowest, each cell
    takes the free neuron of its class whose spontaneous rate is nearest (Kim et al. 2023).

    Raises
    ------
    SpiketwinError
        When there are more cells of a class than neurons.
    """
    found = np.full(len(rates_hz), -1)
    for kind, name in ((False, "excitatory"), (True, "inhibitory")):
        cells = np.flatnonzero(inhibitory == kind)
        free = np.flatnonzero(neuron_inhibitory == kind)
        if len(cells) > len(free):
            raise SpiketwinError(
                f"{len(cells)} {name} cells for {len(free)} {name} neurons; raise network.neurons"
            )
        for cell in cells[np.argsort(-rates_hz[cells], kind="stable")]:
            nearest = int(np.argmin(np.abs(neuron_rates_hz[free] - rates_hz[cell])))
            found[cell] = free[nearest]
            free = np.delete(free, nearest)
    return found


def regressors_of(network: SparseNetwork, learning: RlsLearning) -> Regressors:
    """Inputs and prior of every trained neuron."""
    recurrent = network.inputs < network.size
    used = np.arange(network.inputs.shape[1]) < network.number[:, None]
    ridge = np.where(recurrent | ~used, learning.ridge, learning.ridge_feedforward)
    return Regressors(
        inputs=network.inputs,
        number=network.number,
        ridge=ridge.astype(network.weights.dtype),
        group=groups_of(np.where(used, network.weights, 0), recurrent),
        row_sum=learning.row_sum,
        initial=network.weights.copy(),
    )
