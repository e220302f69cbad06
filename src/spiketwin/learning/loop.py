"""The outer loop, the same for every method: held-out score, best model, stop, checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from spiketwin.learning.checkpoint import Fingerprint, Progress, save_checkpoint
from spiketwin.learning.progress import Display
from spiketwin.learning.protocol import FitState, Fitter, N, Record
from spiketwin.network import not_finite

Score = Callable[[N], float]
"""Held-out score of a network, smaller is better."""


@dataclass(frozen=True)
class Limits:
    """When to evaluate, to stop, to write a checkpoint."""

    evaluate_every: int
    patience: int
    checkpoint_s: float


@dataclass(frozen=True)
class Fitted:
    """Result of a fit.

    Attributes
    ----------
    progress : with the best parameters and the history.
    stop : why it ended.
    failed : learning could not go on.
    """

    progress: Progress
    stop: str
    failed: bool = False


def learn(
    network: N,
    fitter: Fitter[N],
    score: Score[N],
    limits: Limits,
    checkpoint: Path,
    mark: Fingerprint,
    resumed: Progress | None,
    display: Display,
) -> Fitted:
    """Fit until the steps are done, the held-out score no longer falls, or
    a loss or a parameter is not finite.

    Parameters
    ----------
    network, fitter, score, limits : what to fit, how, and what chooses.
    checkpoint, mark : where progress is kept, and what it belongs to.
    resumed : progress of an interrupted fit.
    display : shows the progress.
    """
    progress = resumed or _beginning(network, fitter)
    since, saved = time.monotonic() - progress.seconds, time.monotonic()
    stop = "all steps done"
    while progress.state.step < fitter.steps:
        state, record = fitter.step(network, progress.state)
        trouble = record.trouble or _not_finite(state, record)
        if trouble:
            progress = _last_scored(progress, network, score)
            stop = f"{trouble} at step {record.step}; the best model before it is kept"
            return Fitted(progress, stop, failed=True)
        if state.step < record.step:
            display.say(
                f"the rates exploded in step {record.step}: starts again from step {state.step} "
                "with half the learning rate and half the input weights"
            )
        progress = _advanced(progress, state, record, time.monotonic() - since)
        if state.step % limits.evaluate_every == 0 or state.step == fitter.steps:
            progress = _scored(progress, score(network.with_parameters(state.evaluated)))
        display.show(progress)
        if state.step - progress.best_step >= limits.patience:
            stop = f"no better held-out score since step {progress.best_step}"
            break
        if time.monotonic() - saved > limits.checkpoint_s:
            save_checkpoint(checkpoint, progress, mark)
            saved = time.monotonic()
    return Fitted(progress, stop)


def _not_finite(state: FitState, record: Record) -> str:
    """What is wrong with the losses of a step and what it made of the parameters."""
    finite = math.isfinite(record.loss_neuron + record.rate_hz)
    if finite and not any(map(not_finite, state.parameters.values())):
        return ""
    return "loss or parameters not finite"


def _beginning(network: N, fitter: Fitter[N]) -> Progress:
    state = fitter.start(network)
    return Progress(state, state.evaluated)


def _advanced(progress: Progress, state: FitState, record: Record, seconds: float) -> Progress:
    entry = {**asdict(record), "seconds": seconds, "held_out": math.nan}
    entry.pop("trouble")
    return replace(progress, state=state, seconds=seconds, history=[*progress.history, entry])


def _last_scored(progress: Progress, network: N, score: Score[N]) -> Progress:
    """What was learned since the last evaluation is not lost when learning cannot go on; where it
    is the first one, what was there before learning is scored too."""
    if not progress.history or math.isfinite(progress.history[-1]["held_out"]):
        return progress
    if not progress.best_step:
        before = score(network.with_parameters(progress.best))
        progress = replace(progress, best_score=before)
    return _scored(progress, score(network.with_parameters(progress.state.evaluated)))


def _scored(progress: Progress, held_out: float) -> Progress:
    history = [*progress.history[:-1], {**progress.history[-1], "held_out": held_out}]
    progress = replace(progress, history=history)
    better = held_out < progress.best_score or not math.isfinite(held_out)
    if not better:
        return progress
    return replace(
        progress,
        best=progress.state.evaluated,
        best_score=held_out if math.isfinite(held_out) else math.inf,
        best_step=progress.state.step,
    )
