"""What every fit does around its method: resume, learn, write history and model."""

from __future__ import annotations

import math
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import pandas as pd
import torch

import spiketwin
from spiketwin.config.section import Section
from spiketwin.files import write_table
from spiketwin.learning.checkpoint import Fingerprint, Progress, load_checkpoint
from spiketwin.learning.loop import Fitted, Limits, Score, learn
from spiketwin.learning.progress import Display
from spiketwin.learning.protocol import Fitter, N


@dataclass(frozen=True)
class Task(Generic[N]):
    """A fit that is ready to go.

    Attributes
    ----------
    name : for the display.
    settings : of the model, written beside it.
    seed : of the fit.
    network, fitter, score, limits : see `learn`.
    mark : what a checkpoint must belong to.
    engine : what simulates, and why; said once.
    save : writes the fitted network into a folder with facts about the fit.
    place : moves a resumed fit to the device it ran on.
    """

    name: str
    settings: Section
    seed: int
    network: N
    fitter: Fitter[N]
    score: Score[N]
    limits: Limits
    mark: Fingerprint
    engine: str
    save: Callable[[N, Path, dict[str, Any]], None]
    place: Callable[[Progress | None], Progress | None] = lambda progress: progress


def carry_out(task: Task[N], folder: Path, fresh: bool) -> None:
    """Fit and write everything into a folder; goes on from a checkpoint there unless `fresh`."""
    checkpoint = folder / "checkpoint.safetensors"
    resumed = None if fresh else task.place(load_checkpoint(checkpoint, task.mark))
    done = resumed.state.step if resumed else 0
    display = Display(f"{task.name} seed {task.seed}", task.fitter.steps, done)
    display.say(f"engine {task.engine}")
    if done:
        display.say(f"goes on from the checkpoint of step {done}")
    fitted = learn(
        task.network,
        task.fitter,
        task.score,
        task.limits,
        checkpoint,
        task.mark,
        resumed,
        display,
    )
    display.close()
    write_table(folder / "history.parquet", pd.DataFrame(fitted.progress.history))
    best = task.network.with_parameters(fitted.progress.best)
    task.save(best, folder, _about(fitted, task.settings, task.seed))
    checkpoint.unlink(missing_ok=True)


def _about(fitted: Fitted, settings: Section, seed: int) -> dict[str, Any]:
    """Facts of the fit for ``model.json``."""
    progress = fitted.progress
    score = progress.best_score
    return {
        "version": spiketwin.__version__,
        "torch": torch.__version__,
        "seed": seed,
        "model": settings.model_dump(mode="json"),
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
        often = "once" if restarts == 1 else f"{restarts} times"
        found.append(
            f"the rates exploded {often} at the start; the fit went on with the learning "
            f"rate and the first input weights divided by {2**restarts}"
        )
    if fitted.failed:
        found.append(fitted.stop)
    return found
