"""The benchmark scripts: what they print, and that they are as their documentation says."""

import argparse
import ast
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from spiketwin.config import merge, resolve

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
SCRIPTS = sorted(p for p in BENCHMARKS.glob("*.py") if '"__main__"' in p.read_text())
TOY = """
import os
from pathlib import Path
from contest import Stopwatch, contest, parser

LOG = Path(__file__).with_name("log")

def work(name, megabytes, cpu):
    def measure():
        if name == "broken":
            raise RuntimeError("no luck")
        with LOG.open("a") as log:
            print(name, os.getpid(), file=log)
        number = LOG.read_text().split().count(name)
        with Stopwatch() as watch:
            block = bytearray(megabytes * 2**20)
            block[::4096] = bytes([1]) * len(block[::4096])
        print("something else that a contender prints")
        return {**watch.report(), "cpu_s": cpu[number - 1]}
    return measure

options = parser("A toy.")
options.add_argument("--with-broken", action="store_true")
given = options.parse_args()
contenders = {"small": work("small", 1, [1, 5, 2]), "large": work("large", 100, [7, 9, 8])}
if given.with_broken:
    contenders["broken"] = work("broken", 1, [])
contest(given, contenders)
"""


@pytest.fixture
def toy(tmp_path):
    """Runs a script with two contenders, whose log it also gives."""
    (tmp_path / "toy.py").write_text(TOY)

    def run(*options):
        command = [sys.executable, str(tmp_path / "toy.py"), *options]
        environment = {**os.environ, "PYTHONPATH": str(BENCHMARKS)}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    return run, tmp_path / "log"


def test_contenders_take_turns_in_processes_of_their_own_and_medians_are_printed(toy):
    run, log = toy
    done = run("--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found) == ["small", "large"]
    assert all(set(numbers) == {"cpu_s", "wall_s", "peak_mb"} for numbers in found.values())
    assert (found["small"]["cpu_s"], found["large"]["cpu_s"]) == (2, 8)
    assert 90 < found["large"]["peak_mb"] - found["small"]["peak_mb"] < 150
    names, processes = zip(*(line.split() for line in log.read_text().splitlines()), strict=True)
    assert names == ("small", "large") * 3 and len(set(processes)) == 6


def test_rounds_and_contenders_can_be_chosen(toy):
    run, log = toy
    assert list(json.loads(run("--json", "--rounds", "1", "--only", "large").stdout)) == ["large"]
    assert log.read_text().count("\n") == 1
    wrong = run("--only", "large", "huge")
    assert wrong.returncode and "no contender huge; there are: small, large" in wrong.stderr


def test_a_contender_that_fails_ends_the_contest_with_its_error(toy):
    run, _ = toy
    failed = run("--json", "--rounds", "1", "--with-broken")
    assert failed.returncode and not failed.stdout
    assert "broken failed" in failed.stderr and "no luck" in failed.stderr


def test_table_holds_medians_and_cpu_time_relative_to_the_first_contender():
    table = runpy.run_path(str(BENCHMARKS / "contest.py"))["table"]
    numbers = {"cpu_s": 4.0, "wall_s": 2.0, "peak_mb": 300.0}
    *_, head, _, first, second = table({"a": numbers, "b": {**numbers, "cpu_s": 1.0}}).split("\n")
    assert head == "| contender | cpu_s | wall_s | peak_mb | cpu / first |"
    assert first == "| a | 4 | 2 | 300 | 1.000 |" and second == "| b | 1 | 2 | 300 | 0.250 |"


class _Parsed(Exception):
    """The options of a script are right."""


@pytest.fixture
def script(monkeypatch, tmp_path):
    """Runs a benchmark script in this process, in an empty folder."""
    others = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.chdir(tmp_path)

    def run(path, *options):
        monkeypatch.setattr(sys, "argv", [str(path), *options])
        runpy.run_path(str(path), run_name="__main__")

    yield run
    for name in set(sys.modules) - others:
        if Path(getattr(sys.modules[name], "__file__", None) or "").parent == BENCHMARKS:
            del sys.modules[name]


@pytest.fixture
def started(monkeypatch):
    """Contenders whose processes were asked for; none is started, and all measure the same."""
    names = []

    def answer(command, **how):
        if "--contender" in command:
            names.append(command[command.index("--contender") + 1])
        measured = {"cpu_s": 1.0, "wall_s": 2.0, "peak_mb": 3.0}
        return subprocess.CompletedProcess(command, 0, json.dumps(measured), "")

    monkeypatch.setattr(subprocess, "run", answer)
    return names


def _documentation(path):
    return ast.get_docstring(ast.parse(path.read_text()))


def _commands(path):
    """Command lines in the documentation of a script, without "python"."""
    return re.findall(r"^ +python (benchmarks/\w+\.py.*)$", _documentation(path), re.MULTILINE)


def test_scripts_are_found():
    assert {"step.py", "solution.py", "rls_update.py"} <= {path.name for path in SCRIPTS}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_help_says_what_a_script_does_and_its_commands_are_understood(
    path, script, capsys, monkeypatch
):
    with pytest.raises(SystemExit) as caught:
        script(path, "--help")
    shown = " ".join(capsys.readouterr().out.split())
    assert caught.value.code == 0
    assert _documentation(path).splitlines()[0] in shown and "--json" in shown
    parse = argparse.ArgumentParser.parse_args

    def parsed(parser):
        parse(parser)
        raise _Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parsed)
    commands = _commands(path)
    assert commands
    for command in commands:
        name, *options = shlex.split(command)
        assert ROOT / name == path
        with pytest.raises(_Parsed):
            script(path, *options)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_contenders_are_those_of_the_documentation_and_json_is_one_object(
    path, script, started, capsys
):
    script(path, "--json")
    found = json.loads(capsys.readouterr().out)
    for numbers in found.values():
        assert {"cpu_s": 1.0, "wall_s": 2.0, "peak_mb": 3.0}.items() <= numbers.items()
    after = re.search(r"\bContenders?\b.*", _documentation(path), flags=re.DOTALL).group()
    named = re.findall(r"(?<!`)`{1,2}(\w[\w, ]*)`", after)
    assert set(named) == set(started)
    assert {name.split(", ")[0] for name in found} == {name.split(", ")[0] for name in started}


def test_json_is_refused_where_there_is_none(script, capsys):
    with pytest.raises(SystemExit):
        script(BENCHMARKS / "rls_loop.py", "--scaling", "--json")
    assert "--scaling prints a table only" in capsys.readouterr().err


def test_contenders_and_options_of_the_readme_exist(script, started, capsys):
    rows = re.findall(r"^\| `(\w+\.py)` \| (.*) \|$", (BENCHMARKS / "README.md").read_text(), re.M)
    assert {name for name, _ in rows} == {path.name for path in SCRIPTS}
    for name, text in rows:
        started.clear()
        script(BENCHMARKS / name, "--json")
        ticked = re.findall(r"`([^`]+)`", text)
        contenders = [word for word in ticked if word.isidentifier()]
        assert set(contenders) <= set(started), name
        capsys.readouterr()
        with pytest.raises(SystemExit):
            script(BENCHMARKS / name, "--help")
        shown = capsys.readouterr().out
        options = [word.split()[0] for word in ticked if word.startswith("--")]
        assert all(option in shown for option in options), name


@pytest.mark.usefixtures("script")
def test_published_recipe_is_that_of_the_configuration():
    """But for how long the fits are and when they are evaluated."""
    recipe = runpy.run_path(str(BENCHMARKS / "solution.py"))["PUBLISHED"]
    folder = ROOT / "workflow" / "config"
    artificial = yaml.safe_load((folder / "artificial.yaml").read_text())
    artificial["analysis"].pop("published", None)
    ours = resolve({**artificial, "models": {"hard": merge({}, recipe)}}).models["hard"]
    theirs = resolve(yaml.safe_load((folder / "published.yaml").read_text())).models["hard"]
    length = {"steps", "evaluate_every", "evaluation_trials", "patience", "final"}
    for part in ("network", "losses", "learning"):
        one, other = (getattr(model, part).model_dump(exclude=length) for model in (ours, theirs))
        assert one == other, part
    assert theirs.losses.trial.weight == theirs.losses.neuron.weight == 1
