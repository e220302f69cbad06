"""Has a twin the mechanism of the circuit it was fitted to?

Known circuits (teachers) make trials; networks fitted to them (students) are perturbed as the
teacher is (Sourmpis et al. 2026). With the population average of an area as features (the first
scale, standardised by the unperturbed teacher),

    distance = mean squared difference of the Hungarian pairs of teacher and student trials
    active   = share of trials in which the area responds

in areas that the current does not reach directly. The floor is the teacher against itself: the
first half of its trials against the second. Students that imitate unperturbed trials equally well
can differ here. So can two teachers; the test says something if they do, and if they cannot be told
apart unperturbed.

An area responds where its peak lies above the midpoint between the two groups that the peaks of the
unperturbed teacher fall into (the published 8 Hz belong to slower neurons).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from spiketwin.analysis.matched import assignment
from spiketwin.analysis.perturbations import NONE
from spiketwin.config import Config
from spiketwin.errors import SpiketwinError
from spiketwin.files import RunFiles, write_table
from spiketwin.trials.features import window_matrix
from spiketwin.trials.simulation import Simulation, load_simulation

MOST_TRIALS = 1000
TEACHER, OTHER = "teacher", "other teacher"
ALIKE = 1.2
"""Times the floor within which unperturbed circuits count as alike; what is asked of students."""
KEYS = ["contender", "seed", "perturbation", "area"]
Features = Mapping[str, np.ndarray]
"""Area -> filtered population average, (trial, time)."""


@dataclass(frozen=True)
class Circuit:
    """A fitted network and its simulated trials.

    Attributes
    ----------
    name, number : contender and seed in the table.
    files, model, seed : the fit.
    """

    name: str
    number: int
    files: RunFiles
    model: str
    seed: int

    def features(self, perturbation: str, window: np.ndarray) -> Features:
        """Features of the perturbed trials."""
        path: Path = self.files.simulation(self.model, self.seed)
        if perturbation != NONE:
            path = self.files.perturbed(self.model, self.seed, perturbation)
        return _features(load_simulation(path), window)


@dataclass(frozen=True)
class Standard:
    """What the features of an area are measured by.

    Attributes
    ----------
    mean, sd : of the unperturbed teacher.
    threshold : peak above which the area responds.
    """

    mean: float
    sd: float
    threshold: float

    @classmethod
    def of(cls, x: np.ndarray) -> Standard:
        """From the unperturbed teacher's features (trial, time)."""
        return cls(float(x.mean()), float(x.std()), between_groups(x.max(1)))

    def distance(self, x: np.ndarray, y: np.ndarray) -> float:
        """Matched distance of equally many trials."""
        x, y = (x - self.mean) / self.sd, (y - self.mean) / self.sd
        return float(((x[assignment(x, y)] - y) ** 2).mean())

    def active(self, x: np.ndarray) -> float:
        """Share of trials in which the area responds."""
        return float((x.max(1) > self.threshold).mean())


def compare_mechanisms(
    config: Config,
    files: RunFiles,
    teacher: Config,
    teacher_files: RunFiles,
    other: tuple[Config, RunFiles] | None = None,
) -> pd.DataFrame:
    """Write and return the table ``mechanism`` of a run of students.

    Columns: contender ("teacher" is the floor), seed, perturbation, area, distance, ratio (to the
    floor), active, change (of ``active``, from the unperturbed trials).

    Parameters
    ----------
    config, files : the students' run.
    teacher, teacher_files : the teacher's run; its first model and seed count.
    other : run of a teacher with another mechanism, compared as a student is.

    Raises
    ------
    SpiketwinError
        When the runs have different perturbations, or simulations are missing, or have too few
        trials.
    """
    names = _common(config, teacher)
    circuits = list(_students(config, files))
    if other is not None:
        _common(other[0], teacher)
        circuits.append(_teacher(*other, OTHER))
    window = window_matrix(teacher.trials.bins, teacher.trials.bin_s, teacher.features.scales[0])
    truth = _teacher(teacher, teacher_files, TEACHER)
    standards: dict[str, Standard] = {}
    rows: list[tuple[str, int, str, str, float, float]] = []
    for name in names:
        true = truth.features(name, window)
        standards = standards or {area: Standard.of(x) for area, x in true.items()}
        rows += _floor(truth, name, true, standards)
        for circuit in circuits:
            found = circuit.features(name, window)
            rows += _compared(circuit, name, found, true, standards)
    table = _with_ratio(pd.DataFrame(rows, columns=[*KEYS, "distance", "active"]))
    write_table(files.table("mechanism"), table, csv=True)
    return table


def unperturbed_ratio(table: pd.DataFrame) -> float:
    """Largest distance of the other teacher, unperturbed, in floors; NaN without one."""
    mine = table[(table["contender"] == OTHER) & (table["perturbation"] == NONE)]
    return float(mine["ratio"].max())


def _common(config: Config, teacher: Config) -> list[str]:
    """Perturbations of both runs, which must be the same."""
    if config.analysis.perturbations != teacher.analysis.perturbations:
        raise SpiketwinError(
            f"runs {config.run!r} and {teacher.run!r} have different analysis.perturbations; "
            "students are perturbed as their teacher is"
        )
    return [NONE, *(perturbation.name for perturbation in config.analysis.perturbations)]


def _teacher(config: Config, files: RunFiles, name: str) -> Circuit:
    return Circuit(name, -1, files, next(iter(config.models)), config.seeds[0])


def _students(config: Config, files: RunFiles) -> Iterator[Circuit]:
    for model in config.models:
        for seed in config.seeds:
            yield Circuit(model, seed, files, model, seed)


def _half(true: Features) -> int:
    """Trials on either side of a distance."""
    return min(min(map(len, true.values())) // 2, MOST_TRIALS)


def _floor(
    truth: Circuit, name: str, true: Features, standards: Mapping[str, Standard]
) -> Iterator[tuple[str, int, str, str, float, float]]:
    """Rows of the teacher against itself."""
    half = _half(true)
    for area, x in true.items():
        distance = standards[area].distance(x[:half], x[half : 2 * half])
        yield truth.name, truth.number, name, area, distance, standards[area].active(x)


def _compared(
    circuit: Circuit,
    name: str,
    found: Features,
    true: Features,
    standards: Mapping[str, Standard],
) -> Iterator[tuple[str, int, str, str, float, float]]:
    """Rows of a circuit against the teacher."""
    half = _half(true)
    for area, x in true.items():
        there = len(found.get(area, ()))
        if there < half:
            raise SpiketwinError(
                f"{circuit.name} seed {circuit.number} has {there} simulated trials of area "
                f"{area}; {half} are compared with the teacher (analysis.simulated_trials)"
            )
        distance = standards[area].distance(found[area][:half], x[:half])
        active = standards[area].active(found[area])
        yield circuit.name, circuit.number, name, area, distance, active


def _features(simulation: Simulation, window: np.ndarray) -> Features:
    area = simulation.stitching["area"].to_numpy(dtype=str)
    return {
        name: simulation.counts[:, :, area == name].mean(2, dtype=np.float32) @ window
        for name in dict.fromkeys(area)
    }


def between_groups(values: np.ndarray) -> float:
    """Midpoint between the means of the two groups (n,) falls into with least variance inside."""
    values = np.sort(values)
    below = np.arange(1, len(values))
    total = values.cumsum()[:-1]
    lower, upper = total / below, (values.sum() - total) / (len(values) - below)
    best = int(np.argmax(below * (len(values) - below) * (upper - lower) ** 2))
    return float((lower[best] + upper[best]) / 2)


def _with_ratio(table: pd.DataFrame) -> pd.DataFrame:
    """With the distance in floors, and what a perturbation changes."""
    floor = table[table["contender"] == TEACHER].set_index(["perturbation", "area"])["distance"]
    before = table[table["perturbation"] == NONE].set_index(["contender", "seed", "area"])
    return table.assign(
        ratio=table["distance"] / _looked_up(floor, table),
        change=table["active"] - _looked_up(before["active"], table),
    )[[*KEYS, "distance", "ratio", "active", "change"]]


def _looked_up(values: pd.Series, table: pd.DataFrame) -> np.ndarray:
    keys = pd.MultiIndex.from_frame(table[list(values.index.names)])
    return values.reindex(keys).to_numpy()
