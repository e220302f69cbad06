"""A training loop of rate matching: one trial of a balanced network with its updates.

Contenders: ``limit`` (the memory traffic of the exact updates alone: packed covariances read and
written once per update), ``sequential`` (simulation and exact updates), ``ridge`` (simulation and
one solution per trial, no covariances), ``simulation`` (without learning).

    python benchmarks/rls_loop.py
    python benchmarks/rls_loop.py --neurons 50000 --static 512 --plastic 45 --threads 2 \
        --only limit sequential simulation
    python benchmarks/rls_loop.py --scaling

The first has N = 4,096, K = 205 and L = 58, the second N = 50,000, K = 512 and L = 90; the last one
prints the cost against N, K and L.
"""

from __future__ import annotations

import numpy as np
from contest import Stopwatch, contest, parser
from rls_update import _touch

from spiketwin.config import Pattern, RateModel
from spiketwin.learning.rls.assemble import assemble_balanced, balanced_settings
from spiketwin.learning.rls.fit import rate_task
from spiketwin.learning.rls.given import given_targets
from spiketwin.network.sparse.observe import observe
from spiketwin.network.threads import set_threads, shared

STEPS = 20_000


def model(given, solver):
    """Published settings of Arthur et al. (2023): 1 s before, 1 s of updates every 10 ms."""
    learning = {"method": "rls", "solver": solver, "ridge": 0.8, "row_sum": 0.01, "growth": 0.0}
    network = {
        "neurons": given.neurons,
        "static_inputs": given.static,
        "plastic_inputs": given.plastic,
    }
    return RateModel.model_validate({"network": network, "learning": learning})


def loop(given, solver):
    """A second loop; the first one compiles and touches the memory."""

    def measure():
        set_threads(given.threads)
        settings = model(given, solver)
        targets = given_targets(Pattern(), settings, 0)
        assembled = assemble_balanced(settings, targets, np.zeros(targets.cells, bool), 0)
        task = rate_task("m", settings, assembled, "", 0)
        state, _ = task.fitter.step(task.network, task.fitter.start(task.network))
        with Stopwatch() as watch:
            state, record = task.fitter.step(task.network, state)
        if not 2 < record.rate_hz < 10:
            raise SystemExit(f"the network fires at {record.rate_hz:.1f} Hz")
        return watch.report()

    return measure


def simulation(given):
    """The same trial without learning."""

    def measure():
        set_threads(given.threads)
        settings = model(given, "ridge")
        targets = given_targets(Pattern(), settings, 0)
        made = assemble_balanced(settings, targets, np.zeros(targets.cells, bool), 0)
        observe(made.network, made.course, 0, 100, 1, 0)
        with Stopwatch() as watch:
            observe(made.network, made.course, 0, 100, 1, 1)
        return watch.report()

    return measure


def limit(given):
    """100 times the packed covariances, read and written."""

    def measure():
        set_threads(given.threads)
        width = 2 * balanced_settings(model(given, "ridge").network, 1).plastic_inputs
        values = np.zeros((given.neurons, width * (width + 1) // 2), np.float32)

        def touch(first, last):
            _touch(values[first:last].reshape(-1))

        shared(touch, given.neurons)
        with Stopwatch() as watch:
            for _ in range(100):
                shared(touch, given.neurons)
        return watch.report()

    return measure


def scaling(given):
    """CPU seconds of a loop with exact updates, one size changed at a time."""
    base = {"neurons": 4096, "static": 205, "plastic": 29}
    sizes = {"neurons": [2048, 4096, 8192], "static": [100, 205, 410], "plastic": [15, 29, 58, 116]}
    print("| changed | size | CPU s of a loop | of it simulation | covariances (MB) |")
    print("|---|---|---|---|---|")
    for name, values in sizes.items():
        for value in values:
            for key, size in {**base, name: value}.items():
                setattr(given, key, size)
            width = 2 * given.plastic
            whole, run = loop(given, "sequential")(), simulation(given)()
            packed = 4 * given.neurons * width * (width + 1) / 2 / 2**20
            numbers = f"{whole['cpu_s']:.2f} | {run['cpu_s']:.2f} | {packed:.0f}"
            print(f"| {name} | {value} | {numbers} |")


if __name__ == "__main__":
    options = parser(__doc__.splitlines()[0])
    options.set_defaults(threads=1)
    options.add_argument("--neurons", type=int, default=4096)
    options.add_argument("--static", type=int, default=205, help="K, inputs of either class")
    options.add_argument("--plastic", type=int, default=29, help="plastic inputs of either class")
    options.add_argument("--scaling", action="store_true", help="cost against N, K and L instead")
    given = options.parse_args()
    if given.scaling and given.json:
        options.error("--scaling prints a table only")
    if given.scaling:
        scaling(given)
    else:
        contest(
            given,
            {
                "limit": limit(given),
                "sequential": loop(given, "sequential"),
                "ridge": loop(given, "ridge"),
                "simulation": simulation(given),
            },
        )
