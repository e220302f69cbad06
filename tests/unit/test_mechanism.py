"""Students perturbed as their teacher: the comparison itself, on trials made up for it."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from spiketwin.analysis.mechanism import (
    OTHER,
    between_groups,
    compare_mechanisms,
    unperturbed_ratio,
)
from spiketwin.cli import main
from spiketwin.config import Perturbation, dump_config, resolve
from spiketwin.errors import SpiketwinError
from spiketwin.figures.mechanism import against_power
from spiketwin.figures.palette import Palette
from spiketwin.files import RunFiles, write_text
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


def _trials(seed, rate_a, trials=400):
    """Area B always at 20 Hz; area A at its rate in half of the trials, at 5 Hz in the others."""
    generator = np.random.default_rng(seed)
    rates = np.full((trials, 50, 20), 20.0)
    rates[:, :, :10] = np.where(generator.random(trials) < 0.5, rate_a, 5.0)[:, None, None]
    counts = (generator.random(rates.shape) < 0.002 * rates).astype(np.uint8)
    empty = pd.DataFrame({"trial": np.arange(trials)})
    return Simulation(
        counts, np.zeros((trials, 50, 0), np.float32), (), empty, empty, STITCHING, 0.0, 0.002
    )


def _save(files, model, seed, free, lit):
    save_simulation(_trials(seed, free), files.simulation(model, 0))
    save_simulation(_trials(seed + 100, lit), files.perturbed(model, 0, "light"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The light silences the teacher's area A, that of one student, not that of the other."""
    folder = tmp_path_factory.mktemp("results")
    teacher, students = RunFiles(folder / "teacher"), RunFiles(folder / "students")
    _save(teacher, "t", 0, 60.0, 5.0)
    _save(students, "right", 1, 60.0, 5.0)
    _save(students, "wrong", 2, 60.0, 60.0)
    return teacher, students


def test_a_student_needs_as_many_trials_as_are_compared(runs, tmp_path):
    teacher, students = runs[0], RunFiles(tmp_path)
    save_simulation(_trials(3, 60.0, trials=150), students.simulation("few", 0))
    with pytest.raises(SpiketwinError, match=r"few seed 0 has 150 .* area A; 200 are compared"):
        compare_mechanisms(_config("s", "few"), students, _config("teacher", "t"), teacher)


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


def test_changes_of_activity_are_those_that_the_trials_were_made_with(runs):
    teacher, students = runs
    table = compare_mechanisms(
        _config("students", "right", "wrong"), students, _config("teacher", "t"), teacher
    )
    rows = table[table["area"] == "A"].set_index(["contender", "perturbation"])
    assert rows.loc[("teacher", "none"), "active"] == pytest.approx(0.5, abs=0.07)
    for name, change in (("teacher", -0.5), ("right", -0.5), ("wrong", 0.0)):
        assert rows.loc[(name, "light"), "change"] == pytest.approx(change, abs=0.1), name
        assert rows.loc[(name, "none"), "change"] == 0


def test_the_midpoint_is_that_of_the_best_of_all_cuts():
    values = np.concatenate([np.random.default_rng(0).normal(m, 1, 30) for m in (0.0, 7.0)])
    ordered = sorted(values)
    cuts = [(ordered[:k], ordered[k:]) for k in range(1, 60)]
    low, high = min(cuts, key=lambda pair: sum(len(part) * np.var(part) for part in pair))
    assert between_groups(values) == pytest.approx((np.mean(low) + np.mean(high)) / 2)
    assert 2.5 < between_groups(values) < 4.5


def _command(runs, *more):
    """Run the command on the two runs."""
    teacher, students = runs
    configs = {"students": _config("students", "right"), "teacher": _config("teacher", "t")}
    for files in runs:
        write_text(files.config, dump_config(configs[files.root.name]))
    given = ["--config", students.config, "--teacher", teacher.config, *more]
    return main(["mechanism", *map(str, given), "--results", str(teacher.root.parent)])


def test_the_command_says_whether_two_teachers_can_be_told_apart(runs, capsys):
    """At 60 Hz it has the teacher's trials, at 20 Hz others; the light does not silence it."""
    other = RunFiles(runs[0].root.parent / "other")
    for free, verdict in ((60.0, "cannot be told apart"), (20.0, "can be told apart")):
        _save(other, "t", 3, free, 60.0)
        write_text(other.config, dump_config(_config("other", "t")))
        assert _command(runs, "--other-teacher", other.config) == 0
        said = capsys.readouterr().out
        assert f"the two teachers {verdict}" in said and "change" in said
    table = pd.read_parquet(runs[1].table("mechanism"))
    light = table[(table["contender"] == OTHER) & (table["area"] == "A")].set_index("perturbation")
    assert unperturbed_ratio(table) == pytest.approx(light.loc["none", "ratio"], rel=0.01)
    assert light.loc["light", "ratio"] > 3
    assert runs[1].figure("mechanism", "pdf").stat().st_size > 5000


def test_without_another_teacher_there_is_nothing_to_tell(runs, capsys):
    assert _command(runs) == 0
    assert "two teachers" not in capsys.readouterr().out


def test_lines_are_means_over_seeds_at_the_currents_with_a_band_around_them():
    weak, strong = (
        Perturbation(name=name, area="B", current=current, window_s=(0.0, 0.1))
        for name, current in (("weak", 0.2), ("strong", 1.0))
    )
    rows = pd.DataFrame(
        [("teacher", -1, name, 1.0) for name in ("none", "weak", "strong")]
        + [("m", seed, name, 1.0 + seed) for seed in (0, 2) for name in ("strong", "weak", "none")]
        + [("m", seed, "of other cells", 9.0) for seed in (0, 2)],
        columns=["contender", "seed", "perturbation", "distance"],
    )
    axes = Figure().subplots()
    against_power(axes, rows, [weak, strong], "distance", Palette(("m",), (), ()))
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    np.testing.assert_allclose(lines["m"], [[0.0, 2.0], [0.2, 2.0], [1.0, 2.0]])
    np.testing.assert_allclose(lines["teacher"], [[0.0, 1.0], [0.2, 1.0], [1.0, 1.0]])
    (band,) = axes.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (1.0, 3.0)
