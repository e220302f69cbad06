"""Students perturbed as their teacher: the comparison itself, on trials made up for it."""

import numpy as np
import pandas as pd
import pytest

from spiketwin.analysis.mechanism import compare_mechanisms
from spiketwin.config import resolve
from spiketwin.errors import SpiketwinError
from spiketwin.files import RunFiles
from spiketwin.trials.simulation import Simulation, save_simulation

LIGHT = {"name": "light", "area": "B", "current": 0.5, "window_s": [0.0, 0.02]}
STITCHING = pd.DataFrame({"neuron": range(20), "area": ["A"] * 10 + ["B"] * 10})


def _config(run, *models, perturbations=(LIGHT,)):
    return resolve(
        {
            "run": run,
            "recordings": {"synthetic": {}, "mapping": {}},
            "trials": {"window_s": [0.0, 0.1]},
            "features": {"scales": [{"window_s": 0.02, "stride_s": 0.01}]},
            "models": {model: {} for model in models},
            "analysis": {"perturbations": list(perturbations)},
        }
    )


def _trials(seed, rate_a):
    """Area B always at 20 Hz; area A at its rate in half of the trials, at 5 Hz in the others."""
    generator = np.random.default_rng(seed)
    rates = np.full((400, 50, 20), 20.0)
    rates[:, :, :10] = np.where(generator.random(400) < 0.5, rate_a, 5.0)[:, None, None]
    counts = (generator.random(rates.shape) < 0.002 * rates).astype(np.uint8)
    empty = pd.DataFrame({"trial": np.arange(400)})
    return Simulation(
        counts, np.zeros((400, 50, 0), np.float32), (), empty, empty, STITCHING, 0.0, 0.002
    )


def _save(files, model, seed, free, lit):
    save_simulation(_trials(seed, free), files.simulation(model, 0))
    save_simulation(_trials(seed + 100, lit), files.perturbed(model, 0, "light"))


@pytest.fixture
def runs(tmp_path):
    """The light silences the teacher's area A, that of one student, not that of the other."""
    teacher, students = RunFiles(tmp_path / "teacher"), RunFiles(tmp_path / "students")
    _save(teacher, "t", 0, 60.0, 5.0)
    _save(students, "right", 1, 60.0, 5.0)
    _save(students, "wrong", 2, 60.0, 60.0)
    return teacher, students


def test_only_the_student_with_the_right_mechanism_follows_the_perturbed_teacher(runs):
    teacher, students = runs
    table = compare_mechanisms(
        _config("students", "right", "wrong"), students, _config("teacher", "t"), teacher
    )
    ratio = table[table["area"] == "A"].set_index(["contender", "perturbation"])["ratio"]
    assert ratio["teacher", "none"] == ratio["teacher", "light"] == 1
    assert ratio["right", "none"] == pytest.approx(1, abs=0.35)
    assert ratio["wrong", "none"] == pytest.approx(1, abs=0.35)
    assert ratio["right", "light"] == pytest.approx(1, abs=0.35)
    assert ratio["wrong", "light"] > 3
    assert students.table("mechanism").with_suffix(".csv").exists()


def test_runs_with_other_perturbations_are_not_compared(runs):
    teacher, students = runs
    other = _config("teacher", "t", perturbations=[{**LIGHT, "current": 1.0}])
    with pytest.raises(SpiketwinError, match=r"different analysis\.perturbations"):
        compare_mechanisms(_config("students", "right"), students, other, teacher)
