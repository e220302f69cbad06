"""The configuration: typed, closed, explained; its reference is in step."""

from pathlib import Path

import pytest
import yaml

from spiketwin.config import Config, dump_config, read_config, read_run, resolve, resolve_targets
from spiketwin.config.reference import COMMAND, reference, schema
from spiketwin.errors import SpiketwinError

ROOT = Path(__file__).parents[2]
BASE = {
    "run": "r",
    "recordings": {"synthetic": {}},
    "trials": {"window_s": [-0.1, 0.3]},
    "models": {"m": {}},
}


def _fails(changes, *parts):
    with pytest.raises(SpiketwinError) as caught:
        resolve({**BASE, **changes})
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message, f"{part!r} not in {message!r}"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "workflow/config").glob("*.yaml")), ids=lambda p: p.stem
)
def test_shipped_configurations_are_valid_and_named_after_their_file(path):
    config = read_run(path)
    assert config.run == path.stem
    again = resolve if isinstance(config, Config) else resolve_targets
    assert again(yaml.safe_load(dump_config(config))) == config


@pytest.mark.parametrize("delay_s", [0.0, 0.001, 0.003, 0.4])
def test_delays_are_multiples_of_the_step_within_the_trial(delay_s):
    _fails({"models": {"m": {"network": {"delays_s": [0.004, delay_s]}}}}, "delays_s", "m")


def test_models_inherit_the_shared_blocks_and_say_what_differs():
    config = resolve(
        {
            **BASE,
            "learning": {"steps": 7},
            "models": {"a": None, "b": {"losses": {"trial": {"method": "none"}}}},
        }
    )
    assert config.models["a"].learning.steps == config.models["b"].learning.steps == 7
    assert config.models["a"].losses.trial.method == "debiased"
    assert config.models["b"].losses.trial.method == "none"


def test_unknown_keys_name_the_nearest_valid_one():
    _fails({"seedz": [0]}, "seedz: unknown key", "did you mean 'seeds'")
    _fails({"learnin": {"steps": 3}}, "learnin: unknown key", "did you mean 'learning'")
    _fails({"learning": {"stepz": 3}}, "models.m.learning.stepz", "did you mean 'steps'")
    _fails({"recordings": {"synthetic": {"jaws": True}}}, "did you mean 'jaw'")


def test_wrong_types_and_impossible_values_say_what_was_found():
    _fails({"learning": {"steps": "many"}}, "models.m.learning.steps", "'many'")
    _fails({"learning": {"steps": 0}}, "models.m.learning.steps", "greater than or equal to 1")
    _fails({"trials": {"window_s": [0.3, -0.1]}}, "window_s must rise")
    _fails({"trials": {"window_s": [0, 0.4], "split": {"train": 0.9}}}, "must be 1")
    _fails({"models": {}}, "models")
    _fails({"run": "a/b"}, "run", "'a/b'")


def test_cell_types_that_are_no_mapping_are_told_in_words_of_the_file():
    for given in ("width", 3):
        mapping = {"units": {"cell_type": given}}
        _fails(
            {"recordings": {"synthetic": {}, "mapping": mapping}},
            "recordings.mapping.units.cell_type: expected a column of labels",
            "{column: ..., threshold: ...} or unknown",
        )
    mapping = {"units": {"cell_type": {"column": "w", "threshold": "broad"}}}
    _fails({"recordings": {"synthetic": {}, "mapping": mapping}}, "units.cell_type.threshold: ")


def test_a_whole_block_is_not_repeated_in_its_error():
    with pytest.raises(SpiketwinError, match=r"found 0.3 to -0.1$"):
        resolve({**BASE, "trials": {"window_s": [0.3, -0.1]}})


def test_bins_must_be_multiples_of_the_step():
    _fails({"trials": {"window_s": [0, 0.3], "bin_s": 0.003}}, "trials.bin_s", "network.step_s")
    _fails(
        {"trials": {"window_s": [0, 0.3], "bin_s": 0.004}, "network": {"step_s": 0.005}}, "multiple"
    )


def test_unknown_stimuli_are_listed():
    _fails({"network": {"inputs": [{"name": "a", "stimulus": "s"}]}}, "stimulus 's'", "none")


@pytest.mark.parametrize("name", ["a/b", "..", ".a", "a b"])
def test_hostile_session_names_are_refused(name):
    _fails({"recordings": {"sessions": [{"session": name, "path": "x.nwb"}]}}, "session")


def test_duplicate_session_names_are_refused():
    sessions = [{"session": "a", "path": "x.nwb"}, {"session": "a", "path": "y.nwb"}]
    _fails({"recordings": {"sessions": sessions}}, "'a' is given twice")


def test_a_file_given_twice_is_refused():
    sessions = [{"session": "a", "path": "x.nwb"}, {"session": "b", "path": "x.nwb"}]
    _fails({"recordings": {"sessions": sessions}}, "'x.nwb' is given twice")


def test_recordings_come_from_one_source():
    _fails({"recordings": {}}, "either sessions or synthetic")


def test_files_that_are_no_configuration(tmp_path):
    path = tmp_path / "c.yaml"
    with pytest.raises(SpiketwinError, match="no configuration at"):
        read_config(path)
    path.write_text("a: [1")
    with pytest.raises(SpiketwinError, match="is not YAML"):
        read_config(path)
    path.write_text("just text")
    with pytest.raises(SpiketwinError, match="expected a YAML dictionary"):
        read_config(path)


def test_yaml_cannot_run_code(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(f"!!python/object/apply:pathlib.Path.touch [{tmp_path / 'touched'}]")
    with pytest.raises(SpiketwinError, match="is not YAML"):
        read_config(path)
    assert not (tmp_path / "touched").exists()


def test_reference_and_schema_are_in_step_with_the_code():
    hint = f"out of step; run: {COMMAND}"
    assert (ROOT / "workflow/config/README.md").read_text() == reference(), hint
    assert (ROOT / "workflow/schemas/config.schema.json").read_text() == schema(), hint


def test_every_setting_of_the_reference_has_a_meaning_or_speaks_for_itself():
    text = reference()
    for key in ("behaviour_gradient", "min_units", "neurons_per_area", "excitatory_fraction"):
        row = next(line for line in text.splitlines() if line.startswith(f"| `{key}`"))
        assert len(row.split("|")[-2].strip()) > 20
