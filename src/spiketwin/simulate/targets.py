"""Networks fitted to given targets -> trials, reduced to what the tables need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from spiketwin.config import RateAnalysis, TargetRun
from spiketwin.files import RunFiles, write_arrays
from spiketwin.learning.rls.fitter import correlations
from spiketwin.learning.rls.given import assembled_run
from spiketwin.learning.rls.rule import rate
from spiketwin.network.sparse.course import Course
from spiketwin.network.sparse.lesions import divergence, shuffled, silenced, spectral_radius
from spiketwin.network.sparse.observe import Observed, observe
from spiketwin.network.sparse.store import load_sparse
from spiketwin.network.sparse.structure import SparseNetwork
from spiketwin.randomness import integer_seed, numpy_generator
from spiketwin.trials.targets import RATE, Targets, odd_points, smoothed

Lesioned = tuple[SparseNetwork, np.ndarray]
SPIKE_TAKEN_MS = 200.0
"""From here on in the window the next spike is taken away (Kim & Chow 2018, Fig 4)."""


def simulate_targets(run: TargetRun, model: str, seed: int, files: RunFiles) -> Path:
    """Simulate trials of every condition and write ``tracking.npz``.

    It holds, per condition: ``targets``, ``inputs`` (instant, row: the average over trials),
    ``single`` (trial, row) and ``averaged`` (row,) correlations, ``rates_hz`` (instant, neuron),
    ``example_trials`` (instant, example); besides ``examples``, ``trained``, ``auxiliary`` (number
    of cells), ``inhibitory``, ``time_s``, ``conditions``; if asked for, ``deleted`` and
    ``shuffled`` (condition, share: single-trial correlation of the cells left) and ``divergence``
    (2, instant: before and after learning).
    """
    network, course, targets = load_sparse(files.fit(model, seed))
    every_s, analysis = run.models[model].learning.every_s, run.analysis
    points = odd_points(analysis.smoothing_s, every_s)
    every = course.window_steps // targets.instants
    number = integer_seed(seed, "simulate")
    examples = _examples(targets.values[:, :, : targets.wanted], analysis.examples)
    parts = [
        _reduced(
            observe(network, course, k, every, analysis.trials, number),
            targets.values[k],
            points,
            examples,
            every_s,
            targets.kind == RATE,
        )
        for k in range(len(course.conditions))
    ]
    found = {name: np.stack([part[name] for part in parts]) for name in parts[0]}
    found |= _fixed(network, course, targets, examples, every_s)
    for name, lesions in _lesions(analysis, network, targets, number).items():
        scores = [
            _lesioned(one, course, targets, points, analysis.trials, number) for one in lesions
        ]
        found[name] = np.array(scores).reshape(-1, len(course.conditions)).T
    if analysis.divergence:
        found |= _divergence(run, model, network, course, every, seed)
    path = files.fit(model, seed) / "tracking.npz"
    write_arrays(path, found)
    return path


def _examples(targets: np.ndarray, wanted: int) -> np.ndarray:
    """Cells spread over the sizes of modulation, the most modulated half of them."""
    order = np.argsort(-targets.std(1).mean(0), kind="stable")
    places = np.linspace(0, max(len(order) // 2 - 1, 0), min(wanted, len(order))).astype(int)
    return order[np.unique(places)]


def _reduced(
    seen: Observed,
    target: np.ndarray,
    points: int,
    examples: np.ndarray,
    every_s: float,
    as_rate: bool,
) -> dict[str, np.ndarray]:
    """Of one condition; inputs are compared as rates where rates were the targets."""
    inputs = rate(seen.input) if as_rate else seen.input
    smooth = smoothed(inputs, points)
    average = smooth.mean(0)
    return {
        "targets": target,
        "inputs": average.astype(np.float32),
        "single": np.stack([correlations(trial, target) for trial in smooth]).astype(np.float32),
        "averaged": correlations(average, target).astype(np.float32),
        "rates_hz": (seen.counts.mean(0) / every_s).astype(np.float32),
        "example_trials": smooth[0][:, examples].astype(np.float32),
    }


def _fixed(
    network: SparseNetwork,
    course: Course,
    targets: Targets,
    examples: np.ndarray,
    every_s: float,
) -> dict[str, np.ndarray]:
    return {
        "auxiliary": np.array(targets.auxiliary),
        "examples": examples,
        "trained": network.trained,
        "inhibitory": network.inhibitory,
        "time_s": every_s * np.arange(targets.instants),
        "conditions": np.array(course.conditions, dtype=str),
    }


def _lesions(
    analysis: RateAnalysis, network: SparseNetwork, targets: Targets, seed: int
) -> dict[str, Iterator[Lesioned]]:
    """Networks after each share of each lesion, one at a time, with the cells that count."""
    order, wanted = numpy_generator(seed, "deleted").permutation(network.size), targets.wanted
    gone = [order[: round(share * network.size)] for share in analysis.deleted]
    drawn = [(share, numpy_generator(seed, "shuffled")) for share in analysis.shuffled]
    cells = network.trained[:wanted]
    return {
        "deleted": ((silenced(network, some), ~np.isin(cells, some)) for some in gone),
        "shuffled": (
            (shuffled(network, wanted, share, generator), np.ones(wanted, bool))
            for share, generator in drawn
        ),
    }


def _lesioned(
    lesion: Lesioned, course: Course, targets: Targets, points: int, trials: int, seed: int
) -> list[float]:
    """Single-trial correlation of the cells that count, per condition."""
    network, left = lesion
    found, every = [], course.window_steps // targets.instants
    for k, target in enumerate(targets.values):
        seen = observe(network, course, k, every, trials, seed).input
        smooth = smoothed(rate(seen) if targets.kind == RATE else seen, points)
        each = [correlations(trial, target)[: len(left)][left] for trial in smooth]
        found.append(float(np.nanmean(each)))
    return found


def _divergence(
    run: TargetRun,
    model: str,
    network: SparseNetwork,
    course: Course,
    every: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """What one spike less changes, before and after learning."""
    untrained = assembled_run(run, model, seed).network
    after, number = round(SPIKE_TAKEN_MS / network.step_ms), integer_seed(seed, "divergence")
    courses = [divergence(one, course, 0, every, after, number) for one in (untrained, network)]
    radii = [spectral_radius(one) for one in (untrained, network)]
    return {"divergence": np.array(courses), "spectral_radius": np.array(radii)}
