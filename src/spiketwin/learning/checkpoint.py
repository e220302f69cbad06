"""Checkpoints: one safetensors file, its header holding the numbers and the fingerprint."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from spiketwin.config.section import Section
from spiketwin.errors import SpiketwinError
from spiketwin.files import appearing
from spiketwin.learning.protocol import FitState
from spiketwin.network import Parameters
from spiketwin.trials.trialset import Trials

Fingerprint = dict[str, str]
"""Part of what a fit depends on -> hash."""


@dataclass(frozen=True)
class Progress:
    """How far a fit has come.

    Attributes
    ----------
    state : of the fitter.
    best : parameters with the best held-out score so far.
    best_score, best_step : that score and its step.
    seconds : time spent.
    history : one dictionary per step.
    """

    state: FitState
    best: Parameters
    best_score: float = float("inf")
    best_step: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


def digest_of(trials: Trials) -> str:
    """Hash of everything a fit can see of the trials."""
    data = hashlib.sha256()
    for session in trials.sessions:
        data.update(np.ascontiguousarray(session.counts).tobytes())
        data.update(np.ascontiguousarray(session.behaviour).tobytes())
        data.update(session.trials.to_csv().encode())
        data.update(session.stimuli.to_csv().encode())
    data.update(trials.stitching.to_csv().encode())
    return data.hexdigest()


def fingerprint(model: Section, data: str, seed: int, **others: Section) -> Fingerprint:
    """Hashes of the settings, the data (trials or targets) and the seed.

    Parameters
    ----------
    model : settings of the model.
    data : hash of the trials or targets.
    seed : of the fit.
    others : further blocks of the configuration that the fit depends on.
    """
    blocks = model.model_dump(mode="json")
    blocks |= {name: block.model_dump(mode="json") for name, block in others.items()}
    parts = {name: json.dumps(block, sort_keys=True) for name, block in blocks.items()}
    parts["seed"] = str(seed)
    hashed = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in parts.items()}
    return {**hashed, "trials": data}


def save_checkpoint(path: Path, progress: Progress, mark: Fingerprint) -> None:
    """Write a checkpoint atomically."""
    state = progress.state
    groups = {
        "parameters": state.parameters,
        "evaluated": state.evaluated,
        "memory": state.memory,
        "best": progress.best,
    }
    arrays = {f"{g}/{n}": v.clone().contiguous() for g, vs in groups.items() for n, v in vs.items()}
    header = {
        "step": state.step,
        "numbers": state.numbers,
        "best_score": progress.best_score,
        "best_step": progress.best_step,
        "seconds": progress.seconds,
        "history": progress.history,
    }
    metadata = {"progress": json.dumps(header), "fingerprint": json.dumps(mark)}
    with appearing(path) as partial:
        save_file(arrays, partial, metadata=metadata)


def load_checkpoint(path: Path, mark: Fingerprint) -> Progress | None:
    """Progress of an interrupted fit; None where there is no checkpoint.

    Raises
    ------
    SpiketwinError
        When the checkpoint belongs to other settings or other trials, or is unreadable.
    """
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as stored:
            metadata = stored.metadata() or {}
            arrays = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
        header, found = json.loads(metadata["progress"]), json.loads(metadata["fingerprint"])
    except (SafetensorError, KeyError, ValueError) as error:
        raise SpiketwinError(
            f"{path} is no checkpoint ({error}); delete it to start afresh"
        ) from None
    _check(path, found, mark)
    return _progress(header, arrays)


def _check(path: Path, found: Fingerprint, expected: Fingerprint) -> None:
    differing = sorted(name for name in expected if found.get(name) != expected[name])
    if differing:
        raise SpiketwinError(
            f"{path} is the checkpoint of another fit (differs in: {', '.join(differing)}); "
            "delete it or use --fresh to start again, or restore these settings to go on"
        )


def _progress(header: dict[str, Any], arrays: dict[str, Tensor]) -> Progress:
    groups: dict[str, dict[str, Tensor]] = {"memory": {}}
    for key, value in arrays.items():
        group, name = key.split("/", 1)
        groups.setdefault(group, {})[name] = value
    state = FitState(
        header["step"],
        groups["parameters"],
        groups["evaluated"],
        groups["memory"],
        header["numbers"],
    )
    rest = {k: header[k] for k in ("best_score", "best_step", "seconds", "history")}
    return Progress(state, groups["best"], **rest)
