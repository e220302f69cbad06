"""Artificial recordings: their truth is in the files; trials written as NWB read back."""

from dataclasses import replace

import numpy as np
import pytest
from nwbinspector import Importance, inspect_nwbfile

from spiketwin.config import Mapping, Synthetic, TrialWindow
from spiketwin.files import read_arrays
from spiketwin.recording import read_nwb, synthesize
from spiketwin.recording.two_areas import draw_session, prototype
from spiketwin.recording.two_areas_session import AREAS
from spiketwin.recording.write_trials import write_trials_nwb
from spiketwin.trials.window import cut

MAPPING = Mapping.model_validate(
    {
        "units": {
            "area": "electrodes.location",
            "quality": [{"column": "quality", "accept": ["good"]}],
            "cell_type": {
                "column": "cell_type",
                "excitatory": ["excitatory"],
                "inhibitory": ["inhibitory"],
            },
        },
        "trials": {"align": "stimulus_time", "outcome": ["outcome"]},
        "stimuli": {"stimulus": {"onset": "stimulus_time", "amplitude": "stimulus_amplitude"}},
        "behaviour": {"jaw": {"path": "processing/behavior/BehavioralTimeSeries/JawTrace"}},
        "areas": {"model": {AREAS[0]: "area1", AREAS[1]: "area2"}},
    }
)
WINDOW = TrialWindow(window_s=(-0.1, 0.3), bin_s=0.002, normalise="none")


def test_files_have_no_finding_above_a_suggestion(tiny_recordings):
    for path in sorted(tiny_recordings.glob("*.nwb")):
        found = inspect_nwbfile(
            nwbfile_path=str(path), importance_threshold=Importance.BEST_PRACTICE_VIOLATION
        )
        assert [message.message for message in found] == []


def test_one_draw_gives_the_same_bits_and_another_does_not():
    first, again, other = (
        draw_session(Synthetic(units=10, trials=5, draw=draw, jaw=True), 0) for draw in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.spike_times_s, again.spike_times_s)
    np.testing.assert_array_equal(first.jaw, again.jaw)
    assert len(first.spike_times_s) != len(other.spike_times_s)


def test_both_areas_can_respond_on_hit_trials_only():
    """In a miss trial the rate after the stimulus is the base rate."""
    for both, low, high in ((True, 0.8, 1.2), (False, 1.5, 4.0)):
        synthetic = Synthetic(units=60, trials=100, hit_probability=0.5, both=both)
        session = draw_session(synthetic, 1)  # area1 only
        misses = np.flatnonzero(~session.truth.hit) * 4.0
        times = np.sort(session.spike_times_s)
        near, before = (
            np.diff(np.searchsorted(times, misses[:, None] + np.array(window)), axis=1).mean()
            for window in ([1.01, 1.05], [0.9, 0.94])
        )
        assert low < near / before < high


def test_a_late_second_area_responds_when_it_should_and_the_jaw_after_it():
    session = draw_session(Synthetic(units=60, trials=100, area2_onset_s=0.2, jaw=True), 2)
    hits = np.flatnonzero(session.truth.hit) * 4.0 + 1.0
    times = np.sort(session.spike_times_s)
    early, late, over = (
        np.diff(np.searchsorted(times, hits[:, None] + np.array(window)), axis=1).mean()
        for window in ([0.15, 0.19], [0.2, 0.24], [0.3, 0.34])
    )
    assert late > 1.8 * early and over == pytest.approx(early, rel=0.1)
    onset = session.truth.jaw_onset_s[session.truth.hit]
    assert onset.mean() == pytest.approx(0.212, abs=0.003)


def test_a_response_after_the_trial_is_refused():
    with pytest.raises(ValueError, match="area2_onset_s"):
        Synthetic(area2_onset_s=3.1)


def test_sessions_rotate_over_both_areas_and_one(tiny_recordings):
    areas = [
        read_nwb(tiny_recordings / f"session-{k}.nwb", MAPPING).units["area"] for k in range(3)
    ]
    assert dict(areas[0].value_counts()) == {"area1": 10, "area2": 10}
    assert set(areas[1]) == {"area1"} and set(areas[2]) == {"area2"}


def test_rates_outcomes_and_modulation_are_the_truth(tmp_path):
    synthetic = Synthetic(sessions=1, units=40, trials=120)
    (path,) = synthesize(synthetic, tmp_path)
    truth = read_arrays(path.with_suffix(".truth.npz"))
    recording = read_nwb(path, Mapping.model_validate(MAPPING.model_dump() | {"behaviour": {}}))
    trials, _ = cut(recording, TrialWindow(window_s=(-1.0, 1.0), bin_s=0.01))
    hit = (trials.trials["outcome"] == "Hit").to_numpy()
    np.testing.assert_array_equal(hit, truth["hit"])
    before = trials.counts[:, trials.time_s < 0].sum((0, 1))
    expected = truth["base_hz"] * 120
    assert (np.abs(before - expected) < 4.5 * np.sqrt(expected)).all()
    response = (trials.time_s > 0.01) & (trials.time_s < 0.06)
    early = trials.counts[:, response].mean((1,)) / 0.01
    area2 = (truth["area"] == 1) & (truth["modulation"] == 2)
    gain = (1 + 2 * prototype()[6:50].mean()) * truth["base_hz"][area2].mean()
    assert early[hit][:, area2].mean() == pytest.approx(gain, rel=0.15)
    assert early[~hit][:, area2].mean() == pytest.approx(truth["base_hz"][area2].mean(), rel=0.2)


def test_published_set_has_its_published_size():
    synthetic = Synthetic()
    assert (synthetic.sessions, synthetic.units, synthetic.trials) == (10, 100, 200)
    assert synthetic.hit_probability == 0.8 and synthetic.area2_onset_s == 0.008
    truth = draw_session(Synthetic(trials=2), 0).truth
    assert truth.inhibitory.sum() == 20 and truth.base_hz.max() <= 40
    assert (truth.area[~truth.inhibitory] == 0).sum() == 40


def test_the_jaw_opens_on_hit_trials_only(tiny_recordings):
    trials, _ = cut(read_nwb(tiny_recordings / "session-0.nwb", MAPPING), WINDOW)
    hit = (trials.trials["outcome"] == "Hit").to_numpy()
    peak = trials.behaviour[:, :, 0].max(1)
    assert peak[hit].min() > 0.5 > peak[~hit].max()


def test_written_trials_read_back_to_the_same_counts_and_labels(tiny_recordings, tmp_path):
    trials, _ = cut(read_nwb(tiny_recordings / "session-0.nwb", MAPPING), WINDOW)
    write_trials_nwb(trials, tmp_path / "simulated.nwb", MAPPING)
    again, _ = cut(read_nwb(tmp_path / "simulated.nwb", MAPPING), WINDOW)
    np.testing.assert_array_equal(again.counts, trials.counts)
    np.testing.assert_allclose(again.behaviour, trials.behaviour, atol=1e-5)
    for column in ("condition", "outcome"):
        assert list(again.trials[column]) == list(trials.trials[column])
    assert list(again.units["area"]) == list(trials.units["area"])
    assert list(again.units["cell_type"]) == list(trials.units["cell_type"])
    np.testing.assert_allclose(again.stimuli["time_s"], trials.stimuli["time_s"], atol=1e-9)


OTHER_LAYOUT = {
    "units": {
        "area": "units.region",
        "cell_type": {"column": "width", "threshold": 0.3},
    },
    "trials": {
        "table": "task",
        "align": "events:acquisition/go_cue",
        "condition": ["side", "kind"],
        "merge": {"Hit": ["left_go"]},
        "keep": [
            {"column": "early", "accept": [0]},
            {"column": "quality", "minimum": 0.5},
            {"column": "quality", "reject": [0.5], "maximum": 2},
            {"column": "task", "accept": ["go", "nogo"]},
            {"column": "task", "reject": ["go"]},
        ],
    },
    "stimuli": {"stimulus": {"onset": "clicks"}},
    "behaviour": {"jaw": {"path": "processing/video/jaw", "component": 1, "likelihood": 2}},
    "areas": {"ccf": {"barrel": "SSp-bfd"}, "model": {"SSp-bfd": "area1", "MOp": "area2"}},
}


def test_any_layout_that_a_mapping_describes_reads_back(tiny_recordings, tmp_path):
    trials, _ = cut(read_nwb(tiny_recordings / "session-0.nwb", MAPPING), WINDOW)
    trials.trials["condition"] = trials.trials["outcome"].replace({"Miss": "right_no"})
    mapping = Mapping.model_validate(OTHER_LAYOUT)
    write_trials_nwb(trials, tmp_path / "simulated.nwb", mapping)
    again, _ = cut(read_nwb(tmp_path / "simulated.nwb", mapping), WINDOW)
    np.testing.assert_array_equal(again.counts, trials.counts)
    np.testing.assert_allclose(again.behaviour, trials.behaviour, atol=1e-5)
    assert list(again.trials["condition"]) == list(trials.trials["condition"])
    assert list(again.units["cell_type"]) == list(trials.units["cell_type"])
    assert list(again.units["area"]) == list(trials.units["area"])


@pytest.mark.parametrize("relative", [False, True])
def test_traces_are_written_by_their_names(tiny_recordings, tmp_path, relative):
    trials, _ = cut(read_nwb(tiny_recordings / "session-0.nwb", MAPPING), WINDOW)
    moves = (trials.time_s > 0.01).astype(np.float32)[None, :, None]
    both = [trials.behaviour, np.broadcast_to(moves, trials.behaviour.shape)]
    two = replace(trials, behaviour=np.concatenate(both, 2), traces=("jaw", "moved"))
    path = {"path": "processing/behavior/jaw"}
    mapping = Mapping.model_validate(
        {
            "trials": {"align": "cue", "align_relative": relative},
            "behaviour": {"moved": {"step_at": "moved_at"}, "jaw": path},
        }
    )
    write_trials_nwb(two, tmp_path / "two.nwb", mapping)
    again, _ = cut(read_nwb(tmp_path / "two.nwb", mapping), WINDOW)
    assert again.traces == ("moved", "jaw")
    np.testing.assert_allclose(again.behaviour, two.behaviour[:, :, ::-1], atol=1e-5)
