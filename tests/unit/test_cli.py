"""The command line: exit codes, one line for errors."""

import os
import subprocess
import sys

import pytest
import yaml

from spiketwin.cli import main
from tests.nwb_files import write_file

CONFIG = {
    "run": "r",
    "recordings": {"synthetic": {"name": "tiny", "sessions": 3, "units": 20, "trials": 30}},
    "trials": {"window_s": [-0.1, 0.3], "bin_s": 0.01},
    "models": {"m": {}},
}


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    return path


def _error(capsys, *arguments) -> str:
    assert main([str(a) for a in arguments]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ")
    return lines[0]


def test_user_errors_are_one_line_and_exit_code_1(capsys, tmp_path):
    assert "no such file" in _error(capsys, "describe", tmp_path / "none.nwb")
    assert "no configuration" in _error(capsys, "prepare", "--config", tmp_path / "none.yaml")


def test_wrong_usage_is_exit_code_2():
    with pytest.raises(SystemExit) as caught:
        main(["fit"])
    assert caught.value.code == 2


def test_debug_shows_the_traceback(tmp_path):
    with pytest.raises(Exception, match="no such file"):
        main(["describe", "--debug", str(tmp_path / "none.nwb")])


def test_stages_say_which_stage_comes_first(capsys, config, tmp_path):
    message = _error(capsys, "fit", "--config", config, "--model", "m", "--results", tmp_path)
    assert "spiketwin prepare" in message
    assert "no model 'x'" in _error(
        capsys, "fit", "--config", config, "--model", "x", "--results", tmp_path
    )


def test_missing_recordings_name_the_file(capsys, config, tmp_path):
    message = _error(
        capsys, "prepare", "--config", config, "--results", tmp_path, "--recordings", tmp_path
    )
    assert "session-0.nwb" in message


@pytest.mark.skipif(sys.platform == "win32", reason="folder permissions differ")
def test_unwritable_results_folder(capsys, config, tmp_path):
    (tmp_path / "results").write_text("a file where the folder should be")
    message = _error(capsys, "configure", "--config", config, "--results", tmp_path / "results")
    assert "cannot write" in message and "choose another results folder" in message


def test_describe_prints_and_writes_a_configuration_once(capsys, tmp_path):
    path = write_file(tmp_path / "a.nwb", units=24)
    assert main(["describe", str(path)]) == 0
    assert "SSp-bfd: 12" in capsys.readouterr().out
    target = tmp_path / "mine.yaml"
    assert main(["describe", str(path), "--write-config", str(target)]) == 0
    assert main(["prepare", "--config", str(target), "--results", str(tmp_path / "results")]) == 0
    assert "a: cell types unknown" in capsys.readouterr().err
    assert "exists" in _error(capsys, "describe", path, "--write-config", target)


def test_recordings_folder_by_environment(monkeypatch, config, tmp_path, capsys):
    raw = {**CONFIG, "recordings": {"sessions": [{"session": "s", "path": "a.nwb"}]}}
    config.write_text(yaml.safe_dump(raw))
    monkeypatch.setitem(os.environ, "SPIKETWIN_RECORDINGS", str(tmp_path / "there"))
    message = _error(capsys, "prepare", "--config", config, "--results", tmp_path)
    assert str(tmp_path / "there" / "a.nwb") in message
    config.write_text(yaml.safe_dump(raw | {"recordings": {**raw["recordings"], "folder": "/lab"}}))
    assert "/lab/a.nwb" in _error(capsys, "prepare", "--config", config, "--results", tmp_path)


def test_warm_up_compiles_what_a_fit_needs(tmp_path):
    """A second process finds every kernel on disk and adds none."""
    command = [sys.executable, "-m", "spiketwin.cli", "warm-up"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run(command, check=True, env=environment)
    kernels = set(tmp_path.rglob("*.nbc"))
    subprocess.run(command, check=True, env=environment)
    assert len(kernels) > 10 and set(tmp_path.rglob("*.nbc")) == kernels
