"""Which engine runs a network, and who says so."""

import json
from types import SimpleNamespace

import pytest
import torch
import yaml

from spiketwin.cli import main
from spiketwin.config import Network as NetworkConfig
from spiketwin.errors import SpiketwinError
from spiketwin.learning.checkpoint import Progress
from spiketwin.learning.progress import Display
from spiketwin.network import choice, engine_of

INPUTS = [{"name": "noise", "channels": 10}]
CONFIG = {
    "run": "r",
    "recordings": {"synthetic": {"name": "tiny", "sessions": 3, "units": 20, "trials": 30}},
    "trials": {"window_s": [-0.1, 0.3], "bin_s": 0.01},
    "network": {"inputs": INPUTS, "prerun_s": 0.02},
    "learning": {"steps": 2, "batches": [4], "calibration": 0, "evaluation_trials": 8},
    "analysis": {"simulated_trials": 20},
    "models": {"fast": {}, "plain": {"network": {"engine": "torch"}}},
}


def _on(device, **settings):
    """What the choice looks at."""
    sign = SimpleNamespace(device=torch.device(device))
    return SimpleNamespace(config=NetworkConfig(**settings), sign=sign)


@pytest.fixture
def with_triton(monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: object())


@pytest.mark.usefixtures("with_triton")
@pytest.mark.parametrize(
    ("device", "settings", "name", "why"),
    [
        ("cpu", {}, "numba", "fastest on cpu"),
        ("cpu", {"adaptation": 0.5}, "numba", "fastest on cpu"),
        ("cpu", {"engine": "torch"}, "torch", "network.engine asks for it"),
        ("cpu", {"spike_function": "rate"}, "torch", "not numba: neurons that send rates"),
        ("cuda", {}, "triton", "fastest on cuda"),
        ("cuda", {"engine": "triton"}, "triton", "fastest on cuda"),
        ("cuda", {"adaptation": 0.5}, "torch", "not triton: it knows no adaptive thresholds"),
        ("mps", {}, "torch", "fastest on mps"),
    ],
)
def test_fastest_engine_is_taken_and_reasons_are_given_where_it_is_not(device, settings, name, why):
    engine = engine_of(_on(device, **settings))
    assert engine.name == name and why in engine.why
    assert engine.compiled == (name != "torch")


def test_without_triton_a_card_runs_the_plain_loop(monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert engine_of(_on("cuda")) == ("torch", "not triton: the package triton is not installed")
    with pytest.raises(SpiketwinError, match="triton cannot run here: the package triton"):
        engine_of(_on("cuda", engine="triton"))


@pytest.mark.usefixtures("with_triton")
@pytest.mark.parametrize(
    ("device", "settings", "reason"),
    [
        ("cpu", {"engine": "triton"}, "the network is on 'cpu'"),
        ("cuda", {"engine": "numba"}, "the network is on 'cuda'"),
        ("mps", {"engine": "numba"}, "the network is on 'mps'"),
        ("cpu", {"engine": "numba", "spike_function": "rate"}, "neurons that send rates"),
        ("cuda", {"engine": "triton", "adaptation": 0.5}, "it knows no adaptive thresholds"),
    ],
)
def test_an_engine_that_cannot_run_is_refused_with_the_reason(device, settings, reason):
    message = f"network.engine {settings['engine']} cannot run here: {reason}.*; say auto"
    with pytest.raises(SpiketwinError, match=message):
        engine_of(_on(device, **settings))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Arguments of a run whose trials are there."""
    folder = tmp_path_factory.mktemp("run")
    config = {**CONFIG, "recordings": {**CONFIG["recordings"], "folder": str(folder / "data")}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    arguments = ["--config", str(folder / "config.yaml"), "--results", str(folder / "results")]
    for stage in ("synthesize", "prepare"):
        assert main([stage, *arguments]) == 0
    return folder, arguments


def _engine_lines(capsys, stage, arguments, model, *more):
    assert main([stage, *arguments, "--model", model, *more]) == 0
    return [line for line in capsys.readouterr().err.splitlines() if "engine" in line]


def test_fit_says_its_engine_once_and_simulate_only_a_slow_one(capsys, prepared):
    _, arguments = prepared
    light = ["--perturb", "area=MOp,cells=all,current=0.5,window=0:0.1"]
    assert _engine_lines(capsys, "fit", arguments, "fast") == [
        "fast seed 0: engine numba (fastest on cpu)"
    ]
    assert not _engine_lines(capsys, "simulate", arguments, "fast", *light)
    said = ["plain seed 0: engine torch (network.engine asks for it)"]
    assert _engine_lines(capsys, "fit", arguments, "plain") == said
    assert _engine_lines(capsys, "simulate", arguments, "plain", *light) == said


def test_an_interrupted_fit_is_one_line_and_says_where_it_goes_on(capsys, monkeypatch, prepared):
    folder, arguments = prepared
    often = yaml.safe_load((folder / "config.yaml").read_text())
    often["models"]["fast"]["learning"] = often["learning"] | {"steps": 4, "checkpoint_s": 1e-9}
    (folder / "often.yaml").write_text(yaml.safe_dump(often))
    again = ["fit", "--config", str(folder / "often.yaml"), *arguments[2:], "--model", "fast"]
    shown = Display.show

    def interrupted(display: Display, progress: Progress) -> None:
        shown(display, progress)
        if progress.state.step == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Display, "show", interrupted)
    assert main([*again, "--seed", "2"]) == 130
    assert capsys.readouterr().err.splitlines()[-1].startswith("interrupted; ")
    monkeypatch.undo()
    assert main([*again, "--seed", "2"]) == 0
    assert "fast seed 2: goes on from the checkpoint of step 2" in capsys.readouterr().err


def test_a_network_fitted_with_the_engine_of_a_card_is_simulated_without_one(capsys, prepared):
    folder, arguments = prepared
    main(["fit", *arguments, "--model", "fast", "--seed", "1"])
    about = folder / "results" / "r" / "fits" / "fast" / "seed-1" / "model.json"
    described = json.loads(about.read_text())
    described["network"]["engine"] = "triton"
    about.write_text(json.dumps(described))
    capsys.readouterr()
    assert not _engine_lines(capsys, "simulate", arguments, "fast", "--seed", "1")
    assert (about.parent / "simulation.npz").exists()
