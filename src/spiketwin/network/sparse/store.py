"""Sparse networks on disk: safetensors for the arrays, JSON for the rest; nothing is pickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from spiketwin.errors import SpiketwinError
from spiketwin.files import appearing, write_text
from spiketwin.network.description import FORMAT, read_description
from spiketwin.network.sparse.course import Course
from spiketwin.network.sparse.structure import Filter, Neurons, SparseNetwork, Static
from spiketwin.trials.targets import Targets

SPARSE = "sparse"
_NETWORK = ("drive", "trained", "inputs", "number", "weights", "inhibitory")
_STATIC = ("first", "boundary", "targets", "weights")


def save_sparse(
    network: SparseNetwork,
    course: Course,
    targets: Targets,
    folder: Path,
    about: dict[str, Any],
) -> None:
    """Write ``model.safetensors`` and ``model.json``; the latter appears last.

    Parameters
    ----------
    network, course : what to save.
    targets : of its learning.
    folder : where.
    about : facts of the fit, stored beside the network's description.
    """
    arrays = {name: getattr(network, name) for name in _NETWORK}
    arrays |= {f"static_{name}": getattr(network.static, name) for name in _STATIC}
    arrays |= {
        "membrane": network.neurons.parameters,
        "cue": course.cue,
        "rates": course.rates,
        "targets_of_rows": targets.values.astype(np.float32),
    }
    with appearing(folder / "model.safetensors") as partial:
        save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, partial)
    numbers = {
        "step_ms": network.step_ms,
        "kind": network.neurons.kind,
        "noise": network.neurons.noise,
        "refractory": network.neurons.refractory,
        "noisy_current": network.neurons.noisy_current,
        "fast": [network.fast.decay, network.fast.jump],
        "slow": [network.slow.decay, network.slow.jump],
        "feedforward": network.feedforward,
        "conditions": list(course.conditions),
        "targets": targets.kind,
        "every_ms": targets.every_ms,
        "auxiliary": targets.auxiliary,
        "lead_steps": course.lead_steps,
        "window_steps": course.window_steps,
    }
    description = {"format": FORMAT, "network_type": SPARSE, "sparse": numbers, **about}
    write_text(folder / "model.json", json.dumps(description, indent=1))


def load_sparse(folder: Path) -> tuple[SparseNetwork, Course, Targets]:
    """Network, course and targets that `save_sparse` wrote.

    Raises
    ------
    SpiketwinError
        When the files are missing, of another format, or of another kind of network.
    """
    description = read_description(folder)
    if description.get("network_type") != SPARSE:
        raise SpiketwinError(f"{folder} holds no network fitted by rate matching")
    arrays = load_file(Path(folder) / "model.safetensors")
    try:
        return _loaded(arrays, description["sparse"])
    except KeyError as missing:
        raise SpiketwinError(
            f"the model in {folder} lacks {missing}; delete it and fit again"
        ) from None


def _loaded(
    arrays: dict[str, np.ndarray], numbers: dict[str, Any]
) -> tuple[SparseNetwork, Course, Targets]:
    network = SparseNetwork(
        step_ms=numbers["step_ms"],
        neurons=Neurons(
            numbers["kind"],
            arrays["membrane"],
            numbers["noise"],
            numbers["refractory"],
            numbers["noisy_current"],
        ),
        fast=Filter(*numbers["fast"]),
        slow=Filter(*numbers["slow"]),
        static=Static(**{name: arrays[f"static_{name}"] for name in _STATIC}),
        feedforward=numbers["feedforward"],
        **{name: arrays[name] for name in _NETWORK},
    )
    course = Course(
        conditions=tuple(numbers["conditions"]),
        lead_steps=numbers["lead_steps"],
        cue=arrays["cue"],
        window_steps=numbers["window_steps"],
        rates=arrays["rates"],
    )
    targets = Targets(
        arrays["targets_of_rows"],
        numbers["targets"],
        numbers["every_ms"],
        course.conditions,
        numbers["auxiliary"],
    )
    return network, course, targets
