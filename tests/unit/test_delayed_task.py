"""Artificial recordings of the delayed whisker task: the files hold what the truth says."""

from pathlib import Path

import numpy as np
import pytest
from nwbinspector import Importance, inspect_nwbfile

from spiketwin.config import DelayedTask, TrialWindow, read_config, resolve
from spiketwin.files import read_arrays
from spiketwin.recording import read_nwb, synthesize
from spiketwin.recording.delayed_task import AREAS, FREQUENCIES, draw_task_session, session_sizes
from spiketwin.trials.window import cut

CONFIG = Path(__file__).parents[2] / "workflow/config/delayed-whisker.yaml"
SMALL = DelayedTask(task="delayed-whisker", sessions=6, units_per_area=30, trials=80)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return synthesize(SMALL, tmp_path_factory.mktemp("task"))


def _mapping():
    return read_config(CONFIG).recordings.mapping


def test_published_sparsity():
    sizes = session_sizes(DelayedTask(task="delayed-whisker"))
    assert len(sizes) == 28 and {len(one) for one in sizes} == {1, 2}
    units = [sum(one.values()) for one in sizes]
    assert min(units) < 30 and max(units) > 100
    for area in AREAS:
        assert sum(one.get(area, 0) for one in sizes) == pytest.approx(320, abs=14)


def test_files_have_no_finding_above_a_suggestion(files):
    for path in files:
        found = inspect_nwbfile(
            nwbfile_path=str(path), importance_threshold=Importance.BEST_PRACTICE_VIOLATION
        )
        # The laboratory's own names of areas are no terms of the Allen atlas.
        assert [m.message for m in found if "Allen Mouse Brain CCF" not in m.message] == []


def test_one_draw_gives_the_same_bits_and_another_does_not():
    def drawn(draw):
        task = SMALL.model_copy(update={"draw": draw, "trials": 10})
        return draw_task_session(task, 0, {"wS1": 5, "ALM": 5})[0]

    first, again, other = drawn(0), drawn(0), drawn(1)
    np.testing.assert_array_equal(first.video["jaw"], again.video["jaw"])
    for one, two in zip(first.spike_times_s, again.spike_times_s, strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first.video["jaw"], other.video["jaw"])


def test_trials_areas_and_cell_types_are_the_truth(files):
    outcome_of = np.array(["Miss", "Hit", "CR", "FA"])
    for path in files:
        recording, truth = read_nwb(path, _mapping()), read_arrays(path.with_suffix(".truth.npz"))
        assert list(recording.trials["outcome"]) == list(outcome_of[truth["perf"]])
        assert list(recording.units["area"]) == [AREAS[a] for a in truth["area"]]
        inhibitory = (recording.units["cell_type"] == "inhibitory").to_numpy()
        np.testing.assert_array_equal(inhibitory, truth["inhibitory"])
        shown = recording.stimuli
        assert (shown["stimulus"] == "whisker").sum() == (truth["perf"] < 2).sum()
        assert (shown["stimulus"] == "cue").sum() == len(truth["perf"])


def test_outcomes_are_drawn_at_the_published_frequencies():
    task = SMALL.model_copy(update={"trials": 4000})
    _, truth = draw_task_session(task, 0, {"wS1": 1})
    found = np.bincount(truth.perf, minlength=4) / 4000
    np.testing.assert_allclose(found, np.array(FREQUENCIES) / sum(FREQUENCIES), atol=0.03)
    assert abs(np.corrcoef(truth.active, truth.perf)[0, 1]) < 0.05


def test_areas_respond_when_they_should(files):
    """wS1 to the whisker on go trials, tjM1 to the lick, jaw and movement on active trials."""
    task = SMALL.model_copy(update={"trials": 300})
    session, truth = draw_task_session(task, 0, {"wS1": 40, "tjM1": 40})
    onset, area = session.trials["onset_s"].to_numpy(), session.units["area"].to_numpy()

    def rates(name, first, last):
        chosen = [t for t, a in zip(session.spike_times_s, area, strict=True) if a == name]
        times = np.sort(np.concatenate(chosen))
        edges = np.searchsorted(times, onset[:, None] + np.array([first, last]))
        return np.diff(edges, axis=1)[:, 0] / (last - first) / len(chosen)

    go, lick = truth.perf < 2, truth.perf % 2 == 1
    whisker = rates("wS1", 0.01, 0.05)
    assert whisker[go].mean() > 1.5 * whisker[~go].mean()
    after = rates("tjM1", 1.05, 1.4)
    assert after[lick].mean() > 1.25 * after[~lick].mean()
    before = rates("tjM1", -0.5, 0.0)
    active = truth.active == 1
    assert before[active].mean() > 1.3 * before[~active].mean()
    jaw = session.video["jaw"][:, :200].mean(1)
    assert jaw[active].mean() > 0.15 > jaw[~active].mean()


def test_trials_can_be_cut_and_hold_the_jaw(files):
    trials, _ = cut(read_nwb(files[0], _mapping()), TrialWindow(window_s=(-0.2, 1.2), bin_s=0.01))
    assert trials.counts.shape[1] == 140 and trials.traces == ("jaw",)
    lick = trials.trials["outcome"].isin(["Hit", "FA"]).to_numpy()
    late = trials.behaviour[:, -5:, 0].mean(1)
    assert late[lick].mean() > late[~lick].mean() + 1


def test_the_task_is_a_closed_block_of_the_configuration():
    raw = {"run": "r", "models": {"m": {}}, "trials": {"window_s": [0, 1]}}
    given = {"synthetic": {"task": "delayed-whisker", "hit_probability": 0.5}, "mapping": {}}
    with pytest.raises(Exception, match="hit_probability"):
        resolve({**raw, "recordings": given})
