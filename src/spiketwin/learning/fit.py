"""The fit stage: trials in, fitted model out."""

from __future__ import annotations

from typing import Any

import torch

from spiketwin.config import Config, Features, Model, RateModel
from spiketwin.errors import SpiketwinError
from spiketwin.files import RunFiles
from spiketwin.learning.ahead import compile_ahead
from spiketwin.learning.checkpoint import digest_of, fingerprint
from spiketwin.learning.gradient import GradientFitter
from spiketwin.learning.held_out import HeldOutScore
from spiketwin.learning.loop import Limits
from spiketwin.learning.rls.fit import recorded_task
from spiketwin.learning.task import Task, carry_out
from spiketwin.learning.turns import turns_of
from spiketwin.losses import (
    GANS,
    TrialTargets,
    adversary_of,
    groups_of,
    outcome_targets,
    rate_target,
    trial_targets,
)
from spiketwin.network import Network, build, engine_of, on_device, save_network
from spiketwin.network.threads import leave_to_torch
from spiketwin.network.trialwise import exchangeable, pool, stimulation_of
from spiketwin.randomness import integer_seed
from spiketwin.trials.store import load_run_trials
from spiketwin.trials.trialset import Trials, TrialSet


def fit(config: Config, model: str, seed: int, files: RunFiles, fresh: bool = False) -> None:
    """Fit one model of a run with one seed and write it.

    Parameters
    ----------
    config : the run's configuration.
    model, seed : which model, which seed.
    files : where trials are and the model goes.
    fresh : ignore a checkpoint and start again.

    Raises
    ------
    SpiketwinError
        When the model is unknown, the checkpoint belongs to another fit, or the fit cannot start.
    """
    if model not in config.models:
        known = ", ".join(config.models)
        raise SpiketwinError(f"no model {model!r} in the configuration; models: {known}")
    trials, settings = load_run_trials(files, config), config.models[model]
    if isinstance(settings, RateModel):
        task: Task[Any] = recorded_task(model, settings, trials, seed)
    else:
        task = gradient_task(model, settings, trials, config.features, seed)
    carry_out(task, files.fit(model, seed), fresh)


def gradient_task(
    name: str, model: Model, trials: Trials, features: Features, seed: int
) -> Task[Network]:
    """A fit by gradient descent."""
    device = _device(model)
    if model.losses.trial.method in (*GANS, "sinkhorn"):
        leave_to_torch()
    network = build(trials.stitching, model.network, trials.sessions[0].traces, seed)
    fitter = gradient_fitter(network, trials, features, model, seed)
    score = held_out_score(network, trials, features, model, seed)
    network = on_device(network, device)
    learning, engine = model.learning, engine_of(network)
    if engine.name == "numba" and learning.roulette:
        compile_ahead()
    return Task(
        name=name,
        settings=model,
        seed=seed,
        network=network,
        fitter=on_device(fitter, device),
        score=on_device(score, device),
        limits=Limits(learning.evaluate_every, learning.patience, learning.checkpoint_s),
        mark=fingerprint(model, digest_of(trials), seed, features=features),
        engine=str(engine),
        save=save_network,
        place=lambda progress: on_device(progress, device),
    )


def _device(model: Model) -> torch.device:
    """Where the fit runs."""
    wanted = model.learning.device
    if wanted == "cuda" and not torch.cuda.is_available():
        raise SpiketwinError(
            "learning.device is cuda, but PyTorch finds no NVIDIA card; say cpu, or install "
            "PyTorch for CUDA"
        )
    return torch.device(wanted)


def gradient_fitter(
    network: Network, trials: Trials, features: Features, model: Model, seed: int
) -> GradientFitter:
    """A fitter for the training trials."""
    train = trials.split("train")
    trial = model.losses.trial
    scales = trial.scales or features.scales
    groups = groups_of(train, features.psth, scales)
    pooled = pool(train.sessions)
    rates = rate_target(train, features.psth, groups)
    turns = turns_of(train, rates, model, features, groups)
    targets = turns[0].targets
    return GradientFitter(
        learning=model.learning,
        losses=model.losses,
        rates=rates,
        turns=turns,
        pool=stimulation_of(network, pooled),
        conditions=pooled.conditions,
        bins=groups.steps(_steps_per_bin(pooled, network)),
        bin_s=pooled.bin_s,
        seed=seed,
        outcomes=outcome_targets(train, scales[0], groups)
        if trial.outcomes and model.matching
        else None,
        adversary=adversary_of(trial.method, targets, train)
        if trial.method in GANS and targets.sessions and isinstance(targets, TrialTargets)
        else None,
    )


def held_out_score(
    network: Network, trials: Trials, features: Features, model: Model, seed: int
) -> HeldOutScore:
    """The score on the validation trials."""
    train, validation = trials.split("train"), trials.split("validation")
    groups = groups_of(train, features.psth, features.scales)
    targets = trial_targets(
        train, validation, features, features.scales, behaviour=1.0, groups=groups
    )
    by_name = {session.session: session for session in validation.sessions}
    places = tuple(range(len(targets.sessions)))
    drives: list[tuple[TrialSet, tuple[int, ...]]] = [
        (by_name[target.session], (place,)) for place, target in enumerate(targets.sessions)
    ]
    if places and exchangeable(validation.sessions):
        drives = [(pool(validation.sessions), places)]
    return HeldOutScore(
        targets=targets,
        drives=drives,
        bins=groups.steps(_steps_per_bin(validation.sessions[0], network)),
        trials=model.learning.evaluation_trials,
        prerun_s=model.learning.prerun_s,
        seed=integer_seed(seed, "held out"),
    )


def _steps_per_bin(trials: TrialSet, network: Network) -> int:
    return round(trials.bin_s / network.config.step_s)
