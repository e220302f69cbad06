"""Rate matching as a fit: on recordings, whose averages become targets, or on given targets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from spiketwin.config import BalancedNetwork, RateModel, TargetRun
from spiketwin.errors import SpiketwinError
from spiketwin.files import RunFiles
from spiketwin.learning.checkpoint import digest_of, fingerprint
from spiketwin.learning.loop import Limits
from spiketwin.learning.rls.assemble import Assembled, assemble_balanced, regressors_of
from spiketwin.learning.rls.fitter import DriveScore, RateScore, RlsFitter
from spiketwin.learning.rls.given import assembled_run
from spiketwin.learning.rls.rule import Rule, solver
from spiketwin.learning.task import Task, carry_out
from spiketwin.network.inputs import stimulate
from spiketwin.network.sparse.store import save_sparse
from spiketwin.network.sparse.structure import SparseNetwork
from spiketwin.network.trialwise import pool
from spiketwin.trials.targets import DRIVE, RATE, Targets, odd_points, recorded_targets
from spiketwin.trials.trialset import Trials

SMOOTHING_MS = 100.0
"""Running mean before the score that selects is taken."""


def fit_targets(
    run: TargetRun, model: str, seed: int, files: RunFiles, fresh: bool = False
) -> None:
    """Fit one model of a run on given targets with one seed and write it."""
    if model not in run.models:
        known = ", ".join(run.models)
        raise SpiketwinError(f"no model {model!r} in the configuration; models: {known}")
    settings = run.models[model]
    assembled = assembled_run(run, model, seed)
    data = digest_of_targets(assembled.targets)
    task = rate_task(model, settings, assembled, data, seed)
    carry_out(task, files.fit(model, seed), fresh)


def digest_of_targets(targets: Targets) -> str:
    """Hash of target trajectories and of the names that their cues are drawn by."""
    data = hashlib.sha256(np.ascontiguousarray(targets.values).tobytes())
    data.update("/".join(targets.conditions).encode())
    return data.hexdigest()


def recorded_task(name: str, model: RateModel, trials: Trials, seed: int) -> Task[SparseNetwork]:
    """A fit to the trial-averaged rates of recorded units.

    Raises
    ------
    SpiketwinError
        When the network is not the balanced one, whose currents can be found from rates.
    """
    if not isinstance(model.network, BalancedNetwork):
        raise SpiketwinError(
            f"model {name!r}: recorded rates are matched by the balanced network only "
            f"(network.kind is {model.network.kind})"
        )
    every_s, smoothing_s = model.learning.every_s, model.learning.smoothing_s
    targets = recorded_targets(trials.split("train"), every_s, smoothing_s)
    inhibitory = (trials.stitching["cell_type"] == "inhibitory").to_numpy()
    channels = stimulus_rates(trials.split("train"), model, targets.conditions)
    assembled = assemble_balanced(model, targets, inhibitory, seed, channels)
    task = rate_task(name, model, assembled, digest_of(trials), seed)
    validation = trials.split("validation")
    shared = _in_all(validation, targets.conditions)
    if not shared:
        return task  # nothing is held out: other simulated trials against the targets themselves
    held_out = recorded_targets(validation, every_s, smoothing_s, shared)
    assert isinstance(task.score, DriveScore)
    return replace(task, score=RateScore(task.score, held_out))


def _in_all(trials: Trials, conditions: tuple[str, ...]) -> tuple[str, ...]:
    """Those conditions that every session has trials of."""
    have = [set(session.trials["condition"]) for session in trials.sessions]
    return tuple(name for name in conditions if all(name in found for found in have))


def stimulus_rates(
    trials: Trials, model: RateModel, conditions: tuple[str, ...]
) -> np.ndarray | None:
    """(condition, step, channel) spikes per step of the input groups, mean over trials.

    None where a model has none."""
    groups = model.network.inputs if isinstance(model.network, BalancedNetwork) else []
    if not groups:
        return None
    pooled, step_s = pool(trials.sessions), model.network.step_s
    steps = round(pooled.counts.shape[1] * pooled.bin_s / step_s)
    found = []
    for condition in conditions:
        mine = pooled.where(condition=condition)
        shown = stimulate(mine.stimuli, len(mine.trials), groups, mine.start_s, steps, step_s)
        found.append(shown.probability.mean(0)[:, shown.channels].numpy())
    return np.stack(found)


def rate_task(
    name: str, model: RateModel, assembled: Assembled, data: str, seed: int
) -> Task[SparseNetwork]:
    """A fit whose network and targets are there.

    Parameters
    ----------
    name, model, seed : which fit.
    assembled : network, course, targets.
    data : hash of what the targets were made from.
    """
    learning, network, targets = model.learning, assembled.network, assembled.targets
    signs = np.sign(network.weights) if learning.dale else None
    start, absorb = solver(learning.solver, learning.growth, signs)
    rule = Rule(
        start=start,
        absorb=absorb,
        size=learning.block
        or (1 if learning.solver in ("sequential", "shared") else targets.instants),
        kind=targets.kind if targets.kind == RATE else DRIVE,
        at_once=learning.weights_act == "at once",
        centred=learning.course_only,
    )
    regressors = regressors_of(network, learning)
    points = odd_points(SMOOTHING_MS, targets.every_ms)
    return Task(
        name=name,
        settings=model,
        seed=seed,
        network=network,
        fitter=RlsFitter(learning, rule, regressors, targets, assembled.course, seed),
        score=DriveScore(
            targets,
            assembled.course,
            learning.evaluation_trials,
            points,
            seed,
            learning.largest_rate_hz,
        ),
        limits=Limits(learning.evaluate_every, learning.patience, learning.checkpoint_s),
        mark=fingerprint(model, data, seed) | {"wiring": _digest_of_wiring(network)},
        engine=f"numba (event-driven, {network.size} neurons of {network.step_ms:g} ms steps)",
        save=_saver(assembled),
    )


def _digest_of_wiring(network: SparseNetwork) -> str:
    """Hash of who reads whom: weights of a checkpoint mean nothing for another wiring."""
    data = hashlib.sha256(np.ascontiguousarray(network.trained).tobytes())
    data.update(np.ascontiguousarray(network.inputs).tobytes())
    return data.hexdigest()


def _saver(assembled: Assembled) -> Callable[[SparseNetwork, Path, dict[str, Any]], None]:
    def save(network: SparseNetwork, folder: Path, about: dict[str, Any]) -> None:
        save_sparse(network, assembled.course, assembled.targets, folder, about)

    return save
