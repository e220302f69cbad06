"""Targets that a configuration gives: published artificial ones, or rates from a file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from spiketwin.config import BalancedNetwork, Pattern, RateModel, TargetRun
from spiketwin.errors import SpiketwinError
from spiketwin.files import read_arrays
from spiketwin.learning.rls.assemble import Assembled, assemble_balanced, assemble_filtered
from spiketwin.learning.rls.rule import rate
from spiketwin.network.sparse.observe import observe
from spiketwin.randomness import integer_seed, numpy_generator
from spiketwin.trials import patterns
from spiketwin.trials.targets import DRIVE, RATE, Targets, named, repeated_cells, unfiltered

MAKERS = {
    "phased sines": patterns.phased_sines,
    "sines": patterns.sines,
    "sine products": patterns.sine_products,
    "rate network": patterns.rate_network,
}


def assembled_run(run: TargetRun, model: str, seed: int) -> Assembled:
    """Untrained network, course and targets of a model of a run."""
    settings, pattern = run.models[model], run.targets_of(model)
    targets = given_targets(pattern, settings, seed)
    if isinstance(settings.network, BalancedNetwork):
        assembled = assemble_balanced(settings, targets, np.zeros(targets.cells, bool), seed)
    else:
        assembled = assemble_filtered(settings, targets, seed)
    return innate_targets(assembled, seed) if pattern.pattern == "innate" else assembled


def given_targets(given: Pattern, model: RateModel, seed: int) -> Targets:
    """Targets for every neuron of a model, or of the cells of a file.

    Parameters
    ----------
    given : what the configuration says.
    model : settings of the network and of learning.
    seed : of the artificial targets.
    """
    if given.pattern == "file":
        return with_auxiliaries(_from_file(given, model), given.auxiliary, model, seed)
    every_ms, window_ms = 1000 * model.learning.every_s, 1000 * given.window_s
    if given.pattern == "innate":
        return _to_be_recorded(given, model)
    names = tuple(f"pattern {k + 1}" for k in range(given.conditions))
    values = [
        _repeated(
            _made(given, model.network.neurons, window_ms, every_ms, seed, name), given.distinct
        )
        for name in names
    ]
    found = np.stack(values)
    if given.measure == "drive":
        return Targets(found, DRIVE, every_ms, names)
    rates = rate(found) * patterns.SPIKES_PER_TAU_HZ
    if given.measure == "filtered":
        rates = unfiltered(rates, every_ms, 1000 * model.network.tau_slow_s)
    return Targets(rates, RATE, every_ms, names)


def _to_be_recorded(given: Pattern, model: RateModel) -> Targets:
    """Zeros in the place of what only the network can tell, see `innate_targets`."""
    instants = round(given.window_s / model.learning.every_s)
    names = tuple(f"pattern {k + 1}" for k in range(given.conditions))
    shape = (given.conditions, instants, model.network.neurons)
    return Targets(np.zeros(shape), DRIVE, 1000 * model.learning.every_s, names)


def innate_targets(assembled: Assembled, seed: int) -> Assembled:
    """With the input in one trial of each condition of the untrained network as targets."""
    targets, course = assembled.targets, assembled.course
    every = course.window_steps // targets.instants
    seen = [
        observe(assembled.network, course, k, every, 1, integer_seed(seed, "innate")).input[0]
        for k in range(len(targets.conditions))
    ]
    return replace(assembled, targets=replace(targets, values=np.stack(seen).astype(float)))


def _made(
    given: Pattern, cells: int, window_ms: float, every_ms: float, seed: int, name: str
) -> np.ndarray:
    generator = numpy_generator(seed, "targets", name)
    if given.pattern == "ornstein-uhlenbeck":
        tau_ms = 1000 * given.tau_s
        return patterns.ornstein_uhlenbeck(cells, window_ms, every_ms, generator, tau_ms)
    return MAKERS[given.pattern](cells, window_ms, every_ms, generator)


def _repeated(values: np.ndarray, distinct: float) -> np.ndarray:
    """Only the first share of the cells keeps targets of its own; the others take these in turn."""
    own = max(1, round(distinct * values.shape[1]))
    return values[:, np.arange(values.shape[1]) % own]


def _from_file(given: Pattern, model: RateModel) -> Targets:
    path = Path(str(given.file))
    try:
        stored = read_arrays(path)
    except (OSError, ValueError, TypeError, EOFError, BadZipFile) as error:
        raise SpiketwinError(f"targets.file {path} cannot be read as npz ({error})") from None
    columns = []
    for condition, name in given.arrays.items():
        if name not in stored:
            raise SpiketwinError(
                f"{path} has no array {name!r} (targets.arrays.{condition}); it has: "
                f"{', '.join(stored)}"
            )
        columns.append(_resampled(stored[name], given.instant_s, model.learning.every_s, path))
    if len({column.shape for column in columns}) > 1:
        raise SpiketwinError(f"{path}: the arrays of the conditions differ in shape")
    every_ms = 1000 * model.learning.every_s
    targets = Targets(np.stack(columns), RATE, every_ms, tuple(given.arrays))
    _check_repeats(targets.values, path)
    return busiest(targets, given.cells)


def _check_repeats(values: np.ndarray, path: Path) -> None:
    """A file has no names of cells: the same cell shows as the same rates in every condition."""
    again, earlier = repeated_cells(values)
    if len(again):
        raise SpiketwinError(
            f"{path}: {named(again)} asked twice (the first has the rates of cell {earlier[0]} in "
            "every condition); leave the repeats out of the arrays"
        )


def busiest(targets: Targets, cells: int | None) -> Targets:
    """Those cells whose mean rate is largest, in their order; all where no number is given."""
    if cells is None:
        return targets
    if cells > targets.cells:
        raise SpiketwinError(f"targets.cells is {cells}, but the file has {targets.cells} cells")
    kept = np.sort(np.argsort(-targets.mean_rate_hz(), kind="stable")[:cells])
    return replace(targets, values=targets.values[:, :, kept])


def with_auxiliaries(targets: Targets, ratio: float, model: RateModel, seed: int) -> Targets:
    """With so many auxiliary cells per cell behind them, see `patterns.auxiliary_rates`."""
    number, filter_ms = round(ratio * targets.cells), 1000 * model.network.tau_slow_s
    if not number:
        return targets
    window_ms = targets.instants * targets.every_ms
    paths = [
        patterns.auxiliary_rates(
            number, window_ms, targets.every_ms, numpy_generator(seed, "auxiliary", name), filter_ms
        )
        for name in targets.conditions
    ]
    values = np.concatenate([targets.values, np.stack(paths)], axis=2)
    return replace(targets, values=values, auxiliary=number)


def _resampled(values: np.ndarray, instant_s: float, every_s: float, path: Path) -> np.ndarray:
    """(instant, cell) at the learning instants, linearly between those of the file."""
    if values.ndim != 2 or len(values) < 2 or values.dtype.kind not in "fiu":
        raise SpiketwinError(
            f"{path}: an array has shape {values.shape} and type {values.dtype}; expected numbers "
            "(instant, cell)"
        )
    have = instant_s * np.arange(len(values))
    wanted = every_s * np.arange(int(round(have[-1] / every_s, 6)))
    low = np.minimum((wanted / instant_s).astype(int), len(values) - 2)
    share = (wanted / instant_s - low)[:, None]
    found: np.ndarray = (1 - share) * values[low] + share * values[low + 1]
    return found
