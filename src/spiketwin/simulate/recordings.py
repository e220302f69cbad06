"""Fitted model -> simulated trials: any number, any seed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from spiketwin.config import Config, Perturbation, RateModel
from spiketwin.errors import SpiketwinError
from spiketwin.files import RunFiles
from spiketwin.network import Network, engine_of, load_network, memory_available_mb
from spiketwin.network.sparse.observe import observed_spikes
from spiketwin.network.sparse.store import load_sparse
from spiketwin.network.trialwise import evenly, exchangeable, pool, simulate_like
from spiketwin.randomness import integer_seed, numpy_generator
from spiketwin.trials.simulation import SHARED, Simulation, save_simulation
from spiketwin.trials.store import load_run_trials
from spiketwin.trials.trialset import Trials, TrialSet


def simulate(config: Config, model: str, seed: int, files: RunFiles) -> Path:
    """Simulate trials of a fitted model with the stimuli of the test trials and write them.

    The perturbations of the analysis, if there are any, are written beside them. An engine that is
    not the fastest one is printed.

    Returns
    -------
    Path of ``simulation.npz``.
    """
    if model not in config.models:
        known = ", ".join(config.models)
        raise SpiketwinError(f"no model {model!r} in the configuration; models: {known}")
    trials, path = load_run_trials(files, config), files.simulation(model, seed)
    wanted, number = config.analysis.simulated_trials, integer_seed(seed, "simulate")
    if isinstance(config.models[model], RateModel):
        simulation = simulate_rates(files.fit(model, seed), trials, wanted, number)
        return _written(simulation, trials, config, path)
    network = _on_cpu(load_network(files.fit(model, seed)))
    engine = engine_of(network)
    if not engine.compiled:
        print(f"{model} seed {seed}: engine {engine}", file=sys.stderr, flush=True)
    for perturbation in config.analysis.perturbations:
        perturbed = simulate_trials(network, trials, wanted, number, perturbation)
        save_simulation(perturbed, files.perturbed(model, seed, perturbation.name))
    simulation = simulate_trials(network, trials, wanted, number)
    return _written(simulation, trials, config, path)


def _on_cpu(network: Network) -> Network:
    """Simulations run on the CPU, also of a network whose fit was told to use a card's engine."""
    if network.config.engine != "triton":
        return network
    return replace(network, config=network.config.model_copy(update={"engine": "auto"}))


def _written(simulation: Simulation, trials: Trials, config: Config, path: Path) -> Path:
    save_simulation(simulation, path)
    if config.analysis.simulation_nwb:
        _write_nwb(simulation, trials, config, path.parent)
    return path


def _write_nwb(simulation: Simulation, trials: Trials, config: Config, folder: Path) -> None:
    """One NWB file per session, in the layout of the recordings."""
    from spiketwin.recording.write_trials import write_trials_nwb

    for session in trials.sessions:
        path = folder / f"simulation-{session.session}.nwb"
        write_trials_nwb(simulation.view(session.session), path, config.recordings.mapping)


def simulate_trials(
    network: Network,
    trials: Trials,
    wanted: int,
    seed: int,
    perturbation: Perturbation | None = None,
) -> Simulation:
    """Simulate with the stimuli of the test trials, session by session where these differ.

    Parameters
    ----------
    network : fitted network.
    trials : recorded trials.
    wanted : trials per set of stimuli.
    seed : the same seed gives the same trials.
    perturbation : current to add.
    """
    test = trials.split("test").sessions
    drives = [pool(test)] if exchangeable(test) else list(test)
    _check_memory(network.neurons, wanted * len(drives), test[0])
    made = [
        simulate_like(network, drive, wanted, integer_seed(seed, k), perturbation=perturbation)
        for k, drive in enumerate(drives)
    ]
    driven = [drive.take(m.rows) for drive, m in zip(drives, made, strict=True)]
    return Simulation(
        counts=np.concatenate([m.counts for m in made]),
        behaviour=np.concatenate([m.behaviour for m in made]),
        traces=network.traces,
        trials=_trial_table(driven, shared=len(drives) == 1 and len(test) > 1),
        stimuli=pool(tuple(driven)).stimuli,
        stitching=trials.stitching,
        start_s=test[0].start_s,
        bin_s=test[0].bin_s,
    )


def simulate_rates(folder: Path, trials: Trials, wanted: int, seed: int) -> Simulation:
    """Simulate a network fitted by rate matching: its trained neurons stand for the recorded units.

    Parameters
    ----------
    folder : of the fit.
    trials : recorded trials; their test trials set the shares of the conditions.
    wanted : trials in all.
    seed : the same seed gives the same trials.
    """
    network, course, _ = load_sparse(folder)
    test = pool(trials.split("test").sessions)
    _check_memory(len(network.trained), wanted, test)
    every = round(1000 * test.bin_s / network.step_ms)
    rows = evenly(len(test.trials), wanted, numpy_generator(seed, "rows"))
    of_rows = test.conditions[rows]
    counts = np.zeros((wanted, test.counts.shape[1], len(network.trained)), np.uint16)
    for k, condition in enumerate(course.conditions):
        mine = np.flatnonzero(of_rows == condition)
        counts[mine] = observed_spikes(network, course, k, every, len(mine), seed)
    driven = test.take(rows)
    return Simulation(
        counts=counts,
        behaviour=np.zeros((*counts.shape[:2], 0), np.float32),
        traces=(),
        trials=_trial_table([driven], shared=True),
        stimuli=driven.stimuli,
        stitching=trials.stitching,
        start_s=test.start_s,
        bin_s=test.bin_s,
    )


def _check_memory(neurons: int, trials: int, like: TrialSet) -> None:
    """Refuse what the machine cannot hold (counts of two bytes, twice while they are joined)."""
    needed_mb = 4 * trials * like.counts.shape[1] * neurons / 2**20
    available_mb = memory_available_mb()
    if needed_mb > available_mb:
        raise SpiketwinError(
            f"{trials} simulated trials need {needed_mb:.0f} MB of memory, {available_mb:.0f} MB "
            "are available; lower analysis.simulated_trials (trials of every session whose stimuli "
            "differ from those of the others)"
        )


def _trial_table(driven: Sequence[TrialSet], shared: bool) -> pd.DataFrame:
    """One row per simulated trial."""
    parts = [
        pd.DataFrame(
            {
                "session": SHARED if shared else drive.session,
                "condition": drive.trials["condition"],
                "outcome": "",
                "split": "simulated",
            }
        )
        for drive in driven
    ]
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "trial", np.arange(len(table)))
    return table
