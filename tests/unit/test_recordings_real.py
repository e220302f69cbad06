"""Real recordings read with the counts they are known to have (needs SPIKETWIN_RECORDINGS)."""

import json
from collections import Counter

import numpy as np
import pytest

from spiketwin.config import Mapping, Stimulus, TrialsMapping, TrialWindow, UnitsMapping
from spiketwin.errors import SpiketwinError
from spiketwin.recording import read_nwb
from spiketwin.recording.areas import UNASSIGNED
from spiketwin.recording.describe import describe
from spiketwin.trials.duplicates import find_duplicates
from spiketwin.trials.window import cut

RATS = [
    "B068_51621", "T035_164449", "T035_164752", "T035_164900", "T035_165058", "T035_166135",
    "T035_166590", "T036_157201", "T036_157357", "T036_157507", "T036_168499", "T036_168627",
    "T103_302877", "T103_303075", "T103_304450", "T103_305189", "T103_305431", "T103_305643",
]  # fmt: skip
MICE = [
    "Cori_2016-12-14", "Cori_2016-12-18", "Forssmann_2017-11-01", "Forssmann_2017-11-02",
    "Hench_2017-06-15", "Hench_2017-06-18",
]  # fmt: skip
CLICKS = Mapping(
    trials=TrialsMapping(align="stim_start_time", condition=["trial_type"], outcome=["choice"]),
    stimuli={"left": Stimulus(onset="left_clicks"), "right": Stimulus(onset="right_clicks")},
)


@pytest.fixture(scope="module")
def expected(recordings):
    return json.loads((recordings / "expected_counts.json").read_text())


@pytest.mark.parametrize("name", RATS)
def test_rat_clicks(recordings, expected, name):
    counts = expected[f"rat-clicks/{name}.nwb"]
    recording = read_nwb(recordings / f"rat-clicks/{name}.nwb", CLICKS)
    assert len(recording.spike_times_s) == counts["spikes"]
    assert dict(Counter(recording.units["area"])) == counts["units_per_area"]
    assert dict(Counter(recording.trials["condition"])) == counts["trial_type"]
    assert dict(Counter(recording.trials["outcome"])) == counts["choice"]
    assert dict(Counter(recording.stimuli["stimulus"])) == counts["clicks"]
    seen = np.diff(np.unique(np.concatenate(recording.observed_s), axis=0), axis=1).sum()
    assert seen == pytest.approx(counts["observed_s"], abs=0.01)
    window = TrialWindow(window_s=(-0.5, 1.5), bin_s=0.01)
    trials, _ = cut(recording, window)
    assert len(trials.trials) == counts["trials_observed_-0.5_to_1.5_s"]


def test_rat_clicks_spikes_in_the_window(recordings, expected):
    name = "rat-clicks/B068_51621.nwb"
    trials, _ = cut(
        read_nwb(recordings / name, CLICKS), TrialWindow(window_s=(-0.5, 1.5), bin_s=0.01)
    )
    key = "spikes_-0.5_to_1.5_s_of_stim_start_time"
    assert trials.counts.sum() == expected[name][key]


def test_the_neuron_sorted_twice_is_found_and_no_other(recordings):
    for name in RATS:
        found = find_duplicates(read_nwb(recordings / f"rat-clicks/{name}.nwb", CLICKS))
        pairs = found[["unit_a", "unit_b"]].to_numpy().tolist()
        assert pairs == ([[0, 2]] if name == "T036_168627" else []), name


@pytest.mark.parametrize("name", MICE)
def test_steinmetz(recordings, expected, name):
    counts = expected[f"steinmetz/{name}.nwb"]
    mapping = Mapping(trials=TrialsMapping(condition=["trial_type"]))
    recording = read_nwb(recordings / f"steinmetz/{name}.nwb", mapping)
    areas = {a: n for a, n in counts["units_per_area"].items() if a not in UNASSIGNED}
    spikes = sum(n for a, n in counts["spikes_per_area"].items() if a not in UNASSIGNED)
    assert dict(Counter(recording.units["area"])) == areas
    assert len(recording.spike_times_s) == spikes
    assert dict(Counter(recording.trials["condition"])) == counts["trial_type"]
    trials, _ = cut(recording, TrialWindow(window_s=(0.0, 0.4), bin_s=0.01))
    assert trials.counts.sum() == spikes and len(trials.trials) == counts["trials"]
    assert not len(find_duplicates(recording))


def test_human_recording_with_byte_strings_and_no_trials_table(recordings, expected):
    name = "human-mtl/sub-4_ses-4_ecephys+image.nwb"
    counts = expected[name]
    mapping = Mapping(
        units=UnitsMapping(area="electrodes.location"),
        trials=TrialsMapping(
            table="recognition_table", condition=["stimuli_type"], outcome=["old_new"]
        ),
    )
    recording = read_nwb(recordings / name, mapping)
    assert dict(Counter(recording.units["area"])) == counts["units_per_area"]
    assert len(recording.spike_times_s) == counts["spikes"]
    assert dict(Counter(recording.trials["outcome"])) == counts["recognition_table.old_new"]
    trials, _ = cut(recording, TrialWindow(window_s=(-0.2, 1.5), bin_s=0.01))
    assert trials.counts.sum() == counts["spikes_-0.2_to_1.5_s_of_recognition_start"]


@pytest.mark.parametrize(
    ("name", "message", "told"),
    [
        ("1.0.2_nwbfile.nwb", "no units in this file", "no units"),
        ("2.1.0_nwbfile_with_extension.nwb", "no units in this file", "events, 3"),
        ("705599_2024-05-31_14-06-54.nwb", "no units in this file", "clock starts far from zero"),
        ("717121_2024-06-15_10-58-01.nwb.zarr", "no units in this file", "571 rows"),
        ("727456_2024-06-12_11-10-53.nwb", "no units in this file", "events, 2092"),
        ("A8604-211122.nwb", "no trials", "no area: 3"),
    ],
)
def test_loader_cases_end_in_their_message_and_can_be_described(recordings, name, message, told):
    path = recordings / "loader-cases" / name
    with pytest.raises(SpiketwinError, match=message):
        read_nwb(path, Mapping())
    assert told in describe(path)
