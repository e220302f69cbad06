"""From random weights to the artificial recordings solved.

    python benchmarks/solution.py
    python benchmarks/solution.py --only published --seeds 0

Solved: an energy-distance skill of at least 0.8 against the Poisson model of the PSTHs, and a hit
fraction within 0.05 of the recorded one by template and by the data threshold, on test trials, at
two consecutive evaluations. The time counts calibration and steps, not evaluation and compilation.
Contenders: `default`, the recipe of the package; `published`, that of Sourmpis et al. (2023) on the
same engine, stopped after twenty times the CPU time of the default, then a lower bound (solved 0).
Medians are over seeds; seeds take turns over two draws of the data.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import yaml
from contest import Measured, Stopwatch, chosen, measured, parser, table

from spiketwin.analysis.contenders import Contender, Session, reference, sessions_of
from spiketwin.analysis.energy import energy_distance
from spiketwin.analysis.outcomes import Readers, frequencies, train_readers
from spiketwin.config import Config, merge, resolve
from spiketwin.files import RunFiles
from spiketwin.learning.fit import gradient_fitter
from spiketwin.network import Network, build, set_threads
from spiketwin.simulate import simulate_trials
from spiketwin.trials.features import window_matrix
from spiketwin.trials.store import load_run_trials
from spiketwin.trials.trialset import Trials

ARTIFICIAL = Path(__file__).parents[1] / "workflow" / "config" / "artificial.yaml"
EVERY = 20
"""Steps between evaluations."""

PUBLISHED: dict[str, object] = {
    "network": {"latent": {"scale": 1.0}},
    "losses": {
        "neuron": {"unbiased": False},
        "dispersion": {"weight": 0.0},
        "trial": {"method": "hard", "weight": 1.0},
        "combine": "projected",
    },
    "learning": {
        "steps": 100_000, "learning_rate": 5e-4, "beta2": 0.999, "warmup": 0.0, "flat": 1.0,
        "batches": [150], "prerun_s": 0.3, "calibration": 0, "wake": 0.0, "average": 0.0,
    },
}  # fmt: skip
"""Differences of the published recipe (section 4 of the paper, and its code) from the default."""


@dataclass(frozen=True)
class Judge:
    """What a network is judged with.

    Attributes
    ----------
    trials, sessions, readers : recordings and read-outs of the outcome.
    poisson : energy distance of the Poisson model of the PSTHs.
    hits : recorded hit fraction by read-out.
    """

    trials: Trials
    sessions: list[Session]
    readers: Readers
    poisson: float
    hits: dict[str, float]

    @classmethod
    def of(cls, trials: Trials, config: Config) -> Judge:
        """The judge of some recordings."""
        sessions = sessions_of(trials, config)
        first = sessions[0].recorded
        window = window_matrix(first.counts.shape[1], first.bin_s, config.features.psth)
        readers = train_readers(sessions, window, config.analysis)
        poisson = _distance(reference("PSTH-Poisson", sessions, 0), sessions)
        return cls(trials, sessions, readers, poisson, _hits(_recorded(sessions), readers, True))

    def solved(self, network: Network, seed: int) -> bool:
        """Skill and both read-outs on 800 simulated trials."""
        simulation = simulate_trials(network, self.trials, 800, seed)
        views = {s.name: simulation.view(s.name) for s in self.sessions}
        simulated = Contender("simulated", seed, views)
        skill = 1 - _distance(simulated, self.sessions) / self.poisson
        hits = _hits(simulated, self.readers, False)
        errors = {name: hits[name] - recorded for name, recorded in self.hits.items()}
        print(f"skill {skill:.2f}, hit fraction off by {errors}", file=sys.stderr)
        return skill >= 0.8 and all(abs(error) <= 0.05 for error in errors.values())


def _recorded(sessions: list[Session]) -> Contender:
    return Contender("data", -1, {s.name: s.test for s in sessions})


def _distance(contender: Contender, sessions: list[Session]) -> float:
    distances = [
        energy_distance(s.vectors(contender.trials[s.name]), s.vectors(s.test)) for s in sessions
    ]
    return statistics.mean(distances)


def _hits(contender: Contender, readers: Readers, recorded: bool) -> dict[str, float]:
    """Hit fraction by template and by the data threshold; what was recorded, for the data."""
    table = frequencies(contender, readers)
    found = table[table["outcome"] == "Hit"].set_index("method")["frequency"]
    if recorded:
        outcomes = [(s.test.trials["outcome"] == "Hit").mean() for s in readers.sessions]
        return {name: statistics.mean(outcomes) for name in ("template", "data threshold")}
    return {name: float(found[name]) for name in ("template", "data threshold")}


def solve(given: argparse.Namespace, contender: str) -> Measured:
    """Fit until solved, or until the time is over."""
    set_threads(given.threads)
    raw = _raw(given.folder, given.draw)
    model = merge({}, PUBLISHED if contender == "published" else {})
    config = resolve({**raw, "models": {"m": model}})
    trials = load_run_trials(RunFiles(given.folder / f"draw-{given.draw}"), config)
    judge, settings = Judge.of(trials, config), config.models["m"]
    network = build(trials.stitching, settings.network, (), given.seed)
    fitter = gradient_fitter(network, trials, config.features, settings, given.seed)
    fitter.step(network, fitter.start(network))  # compiles
    total, good, watch = Stopwatch.nothing(), 0, Stopwatch()
    with watch:
        state = fitter.start(network)
    total.add(watch)
    while good < 2 and total.cpu < given.limit and state.step < fitter.steps:
        with watch:
            for _ in range(EVERY):
                state, _ = fitter.step(network, state)
        total.add(watch)
        solved = judge.solved(network.with_parameters(state.evaluated), given.seed)
        good = good + 1 if solved else 0
    return {**total.report(), "steps": state.step, "solved": float(good == 2)}


def _raw(folder: Path, draw: int) -> dict[str, object]:
    raw = yaml.safe_load(ARTIFICIAL.read_text())
    raw["analysis"].pop("published", None)
    synthetic = {"name": f"draw-{draw}", "draw": draw}
    return merge(raw, {"recordings": {"folder": str(folder), "synthetic": synthetic}})


def prepared(folder: Path) -> None:
    """Recordings and trials of both draws."""
    for draw in (0, 1):
        path = folder / f"draw-{draw}.yaml"
        path.write_text(yaml.safe_dump({**_raw(folder, draw), "run": f"draw-{draw}"}))
        for stage in ("synthesize", "prepare"):
            command = [sys.executable, "-m", "spiketwin.cli", stage, "--config", str(path)]
            subprocess.run([*command, "--results", str(folder)], check=True, capture_output=True)


def main() -> None:
    """Run the seeds of both contenders."""
    options = parser(__doc__.splitlines()[0], rounds=0)
    options.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    options.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    options.add_argument("--draw", type=int, help=argparse.SUPPRESS)
    options.add_argument("--limit", type=float, default=500.0, help="CPU seconds of a fit at most")
    given = options.parse_args()
    if given.contender:
        print(json.dumps(solve(given, given.contender)))
        return
    names = chosen(given, ("default", "published"))
    with tempfile.TemporaryDirectory() as folder:
        prepared(Path(folder))
        medians: dict[str, Measured] = {}
        for name in names:
            limit = given.limit
            if name == "published" and "default" in medians:
                limit = 20 * medians["default"]["cpu_s"]
            runs = [_run(name, seed, folder, limit) for seed in given.seeds]
            medians[name] = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    print(json.dumps(medians) if given.json else table(medians))


def _run(name: str, seed: int, folder: str, limit: float) -> Measured:
    options = ["--folder", folder, "--seed", str(seed), "--draw", str(seed % 2)]
    started = time.monotonic()
    found = measured(name, *options, "--limit", str(limit))
    wall = time.monotonic() - started
    print(f"{name}, seed {seed}: {found} ({wall:.0f} s with evaluation)", file=sys.stderr)
    return found


if __name__ == "__main__":
    main()
