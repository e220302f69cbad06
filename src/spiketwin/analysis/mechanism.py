"""Has a twin the mechanism of the circuit it was fitted to?

Known circuits (teachers) make trials; networks fitted to them (students) are perturbed as the
teacher is (Sourmpis et al. 2026). With the population average of an area as features (the first
scale, standardised by the unperturbed teacher),

    distance = mean squared difference of the Hungarian pairs of teacher and student trials

in areas that the current does not reach directly. The floor is the teacher against itself: the
first half of its trials against the second. Students that imitate unperturbed trials equally well
can differ here.
"""

from __future__ import annotations

from collections.abc import Iterator
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
TEACHER = "teacher"


def compare_mechanisms(
    config: Config, files: RunFiles, teacher: Config, teacher_files: RunFiles
) -> pd.DataFrame:
    """Write and return the table ``mechanism`` of a run of students.

    Columns: contender ("teacher" is the floor), seed, perturbation, area, distance, ratio (to the
    floor).

    Parameters
    ----------
    config, files : the students' run.
    teacher, teacher_files : the teacher's run; its first model and seed count.

    Raises
    ------
    SpiketwinError
        When the two runs have different perturbations, or simulations are missing.
    """
    names = _common(config, teacher)
    model, seed = next(iter(teacher.models)), teacher.seeds[0]
    rows: list[tuple[str, int, str, str, float]] = []
    window = window_matrix(teacher.trials.bins, teacher.trials.bin_s, teacher.features.scales[0])
    scaling: dict[str, tuple[float, float]] = {}
    for name in names:
        truth = _features(_simulation(teacher_files, model, seed, name), window)
        scaling = scaling or {area: (x.mean(), x.std()) for area, x in truth.items()}
        half = min(min(map(len, truth.values())) // 2, MOST_TRIALS)
        for area, x in truth.items():
            first, second = x[:half], x[half : 2 * half]
            rows.append((TEACHER, -1, name, area, _distance(first, second, *scaling[area])))
        for student, number in _students(config):
            found = _features(_simulation(files, student, number, name), window)
            for area, x in truth.items():
                distance = _distance(found[area][:half], x[:half], *scaling[area])
                rows.append((student, number, name, area, distance))
    table = _with_ratio(rows)
    write_table(files.table("mechanism"), table, csv=True)
    return table


def _common(config: Config, teacher: Config) -> list[str]:
    """Perturbations of both runs, which must be the same."""
    if config.analysis.perturbations != teacher.analysis.perturbations:
        raise SpiketwinError(
            f"runs {config.run!r} and {teacher.run!r} have different analysis.perturbations; "
            "students are perturbed as their teacher is"
        )
    return [NONE, *(perturbation.name for perturbation in config.analysis.perturbations)]


def _students(config: Config) -> Iterator[tuple[str, int]]:
    for model in config.models:
        for seed in config.seeds:
            yield model, seed


def _simulation(files: RunFiles, model: str, seed: int, perturbation: str) -> Simulation:
    path: Path = files.simulation(model, seed)
    if perturbation != NONE:
        path = files.perturbed(model, seed, perturbation)
    return load_simulation(path)


def _features(simulation: Simulation, window: np.ndarray) -> dict[str, np.ndarray]:
    """Filtered population average of every area, (trial, time)."""
    area = simulation.stitching["area"].to_numpy(dtype=str)
    return {
        name: simulation.counts[:, :, area == name].mean(2, dtype=np.float32) @ window
        for name in dict.fromkeys(area)
    }


def _distance(x: np.ndarray, y: np.ndarray, mean: float, sd: float) -> float:
    x, y = (x - mean) / sd, (y - mean) / sd
    return float(((x[assignment(x, y)] - y) ** 2).mean())


def _with_ratio(rows: list[tuple[str, int, str, str, float]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["contender", "seed", "perturbation", "area", "distance"])
    keys = ["perturbation", "area"]
    floor = table[table["contender"] == TEACHER].set_index(keys)["distance"]
    expected = floor.reindex(pd.MultiIndex.from_frame(table[keys])).to_numpy()
    return table.assign(ratio=table["distance"] / expected)
