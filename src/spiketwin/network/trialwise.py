"""Simulated trials that are driven like recorded ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from spiketwin.config import Perturbation
from spiketwin.network.device import on_device
from spiketwin.network.inputs import Stimulation, stimulate
from spiketwin.network.network import Network
from spiketwin.network.perturbation import perturbation_current
from spiketwin.network.run import Run, behaviour, even_bins, observed, run
from spiketwin.randomness import integer_seed, numpy_generator
from spiketwin.trials.trialset import TrialSet

CHUNK = 200
"""Trials simulated at a time; bounds the memory."""


@dataclass(frozen=True)
class SimulatedTrials:
    """Simulated trials and the recorded trials whose stimuli drove them.

    Attributes
    ----------
    counts : (trial, bin, neuron) uint16.
    behaviour : (trial, bin, trace) float32.
    rows : (trial,) row of the recorded trial.
    """

    counts: np.ndarray
    behaviour: np.ndarray
    rows: np.ndarray


def stimulation_of(network: Network, recorded: TrialSet) -> Stimulation:
    """Input probabilities of all recorded trials."""
    config = network.config
    steps = round(recorded.counts.shape[1] * recorded.bin_s / config.step_s)
    return stimulate(
        recorded.stimuli,
        len(recorded.trials),
        config.inputs,
        recorded.start_s,
        steps,
        config.step_s,
    )


def simulate_like(
    network: Network,
    recorded: TrialSet,
    trials: int,
    seed: int,
    prerun_s: float | None = None,
    bins: np.ndarray | None = None,
    perturbation: Perturbation | None = None,
) -> SimulatedTrials:
    """Simulate trials with the stimuli of recorded ones, each used equally often (within one).

    Parameters
    ----------
    network : the network.
    recorded : trials whose stimuli are used.
    trials : how many to simulate.
    seed : the same seed gives the same trials.
    prerun_s : as in `run`.
    bins : (step,) bin of each step; absent: the bins of the recorded trials.
    perturbation : current to add; stimuli and random numbers are those of the trials without.
    """
    rows = evenly(len(recorded.trials), trials, numpy_generator(seed, "rows"))
    stimulation = stimulation_of(network, recorded)
    steps, current = stimulation.probability.shape[1], None
    if perturbation is not None:
        current = perturbation_current(network, perturbation, recorded.start_s, steps)
    if bins is None:
        bins = even_bins(steps, steps // recorded.counts.shape[1])
    how = Run(integer_seed(seed, "trials"), bins, prerun_s, perturbation=current)
    parts = []
    for first in range(0, trials, CHUNK):
        chosen = stimulation.take(rows[first : first + CHUNK])
        chosen = on_device(chosen, network.sign.device)
        with torch.no_grad():
            activity = run(network, chosen, how._replace(first_trial=first))
            read = behaviour(network, activity)
        seen = observed(network, activity, integer_seed(seed, "spikes", first))
        parts.append((seen.cpu().to(torch.uint16).numpy(), read.cpu().numpy()))
    counts, behaviours = (np.concatenate(column) for column in zip(*parts, strict=True))
    return SimulatedTrials(counts, behaviours, rows)


def evenly(available: int, wanted: int, generator: np.random.Generator) -> np.ndarray:
    """Row numbers in which every row occurs equally often (within one), in random order."""
    rounds = -(-wanted // available)
    return np.concatenate([generator.permutation(available) for _ in range(rounds)])[:wanted]


def pool(sessions: tuple[TrialSet, ...]) -> TrialSet:
    """Stimuli and trial tables of all sessions as one set, without units."""
    first = sessions[0]
    offsets = np.cumsum([0, *(len(s.trials) for s in sessions[:-1])])
    shifted = [
        s.stimuli.assign(trial=s.stimuli["trial"] + offset)
        for s, offset in zip(sessions, offsets, strict=True)
    ]
    trials = pd.concat([s.trials for s in sessions], ignore_index=True)
    shape = (len(trials), first.counts.shape[1], 0)
    return TrialSet(
        session="",
        counts=np.zeros(shape, np.uint8),
        behaviour=np.zeros(shape, np.float32),
        traces=(),
        trials=trials,
        units=first.units.iloc[:0],
        stimuli=pd.concat(shifted, ignore_index=True),
        start_s=first.start_s,
        bin_s=first.bin_s,
    )


def exchangeable(sessions: tuple[TrialSet, ...]) -> bool:
    """Every session has every condition, and all trials of a condition have the same stimuli."""
    conditions = [set(session.trials["condition"]) for session in sessions]
    if any(found != conditions[0] for found in conditions):
        return False
    signatures = [_signatures(session) for session in sessions]
    return signatures[0] is not None and all(found == signatures[0] for found in signatures)


Signature = tuple[tuple[str, float, float], ...]


def _signatures(session: TrialSet) -> dict[str, Signature] | None:
    """Stimuli of the trials of each condition; None where trials of one differ."""
    by_trial: list[list[tuple[str, float, float]]] = [[] for _ in range(len(session.trials))]
    columns = (session.stimuli[name] for name in ("trial", "stimulus", "time_s", "amplitude"))
    for trial, stimulus, time_s, amplitude in zip(*columns, strict=True):
        by_trial[trial].append((stimulus, round(time_s, 4), round(amplitude, 6)))
    found: dict[str, Signature] = {}
    for condition, stimuli in zip(session.trials["condition"], by_trial, strict=True):
        signature = tuple(sorted(stimuli))
        if found.setdefault(condition, signature) != signature:
            return None
    return found
