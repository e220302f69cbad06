"""The fit stage: trials in, fitted model out."""

from __future__ import annotations

import math
import resource
import sys
from typing import Any

import pandas as pd
import torch

import spiketwin
from spiketwin.config import Config, Features, Model
from spiketwin.errors import SpiketwinError
from spiketwin.files import RunFiles, write_table
from spiketwin.learning.checkpoint import fingerprint, load_checkpoint
from spiketwin.learning.gradient import GradientFitter
from spiketwin.learning.held_out import HeldOutScore
from spiketwin.learning.loop import Fitted, Limits, learn
from spiketwin.learning.progress import Display
from spiketwin.losses import groups_of, rate_target, trial_targets
from spiketwin.network import Network, build, engine_of, on_device, save_network
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
    device = _device(settings)
    network = build(trials.stitching, settings.network, trials.sessions[0].traces, seed)
    fitter = on_device(gradient_fitter(network, trials, config.features, settings, seed), device)
    score = on_device(held_out_score(network, trials, config.features, settings, seed), device)
    network = on_device(network, device)
    folder = files.fit(model, seed)
    checkpoint, mark = folder / "checkpoint.safetensors", fingerprint(settings, trials, seed)
    resumed = None if fresh else on_device(load_checkpoint(checkpoint, mark), device)
    learning = settings.learning
    limits = Limits(learning.evaluate_every, learning.patience, learning.checkpoint_s)
    display = Display(f"{model} seed {seed}", fitter.steps, resumed.state.step if resumed else 0)
    engine = engine_of(network)
    display.say(f"engine {engine.name} ({engine.why})")
    fitted = learn(network, fitter, score, limits, checkpoint, mark, resumed, display)
    display.close()
    write_table(folder / "history.parquet", pd.DataFrame(fitted.progress.history))
    about = _about(fitted, settings, seed)
    save_network(network.with_parameters(fitted.progress.best), folder, about)
    checkpoint.unlink(missing_ok=True)


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
    scales = model.losses.trial.scales or features.scales
    groups = groups_of(train, features.psth, scales)
    weight = model.losses.trial.behaviour
    pooled = pool(train.sessions)
    return GradientFitter(
        learning=model.learning,
        losses=model.losses,
        rates=rate_target(train, features.psth, groups),
        targets=trial_targets(train, train, features, scales, weight, groups),
        pool=stimulation_of(network, pooled),
        conditions=pooled.trials["condition"].to_numpy(dtype=str),
        bins=groups.steps(_steps_per_bin(pooled, network)),
        bin_s=pooled.bin_s,
        seed=seed,
    )


def held_out_score(
    network: Network, trials: Trials, features: Features, model: Model, seed: int
) -> HeldOutScore:
    """The score on the validation trials."""
    train, validation = trials.split("train"), trials.split("validation")
    groups = groups_of(train, features.psth, features.scales)
    targets = trial_targets(train, validation, features, features.scales, 0.0, groups)
    by_name = {session.session: session for session in validation.sessions}
    shared = pool(validation.sessions) if exchangeable(validation.sessions) else None
    return HeldOutScore(
        targets=targets,
        drives=[shared or by_name[target.session] for target in targets.sessions],
        bins=groups.steps(_steps_per_bin(validation.sessions[0], network)),
        trials=model.learning.evaluation_trials,
        prerun_s=model.learning.prerun_s,
        seed=integer_seed(seed, "held out"),
    )


def _steps_per_bin(trials: TrialSet, network: Network) -> int:
    return round(trials.bin_s / network.config.step_s)


def _about(fitted: Fitted, model: Model, seed: int) -> dict[str, Any]:
    """Facts of the fit for ``model.json``."""
    progress = fitted.progress
    score = progress.best_score
    return {
        "version": spiketwin.__version__,
        "torch": torch.__version__,
        "seed": seed,
        "model": model.model_dump(mode="json"),
        "seconds": round(progress.seconds, 2),
        "peak_mb": round(_peak_mb(), 1),
        "steps": progress.state.step,
        "best_step": progress.best_step,
        "held_out": score if math.isfinite(score) else None,
        "stop": fitted.stop,
        "warnings": _warnings(fitted),
    }


def _peak_mb() -> float:
    """Largest memory of this process so far (kilobytes on Linux, bytes on macOS)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _warnings(fitted: Fitted) -> list[str]:
    numbers, found = fitted.progress.state.numbers, []
    restarts = int(numbers.get("restarts", 0))
    if restarts:
        found.append(
            f"the rates exploded {restarts} times at the start; the fit went on with the learning "
            f"rate divided by {2**restarts}"
        )
    if "not finite" in fitted.stop:
        found.append(fitted.stop)
    return found
