"""One whole optimisation step: simulation, features, losses, gradient, optimiser.

    python benchmarks/step.py --shape pseudodata
    python benchmarks/step.py --shape main --trials 30
    python benchmarks/step.py --shape main --trials 150 --rounds 1

Contenders: `loop`, the plain PyTorch loop; `engine`, the compiled kernels with the exact gradient;
`roulette`, the same with the gradient sampled at the default tolerance.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch
from contest import Measured, Stopwatch, contest, parser
from problem import SHAPES, problem

from spiketwin.config import GradientLearning

CONTENDERS = {
    "loop": ("torch", 0.0),
    "engine": ("numba", 0.0),
    "roulette": ("numba", GradientLearning().roulette),
}


def steps(given: argparse.Namespace, engine: str, roulette: float) -> Measured:
    """Mean of some steps after a first one, which compiles and touches the memory."""
    torch.set_num_threads(given.threads)
    shape = SHAPES[given.shape]
    network, fitter, state = problem(
        replace(shape, trials=given.trials or shape.trials), engine, roulette
    )
    state, record = fitter.step(network, state)
    if not 0.5 < record.rate_hz / shape.rate_hz < 2:
        raise SystemExit(f"the network fires at {record.rate_hz:.1f} Hz, not {shape.rate_hz} Hz")
    with Stopwatch() as watch:
        for _ in range(given.steps):
            state, _ = fitter.step(network, state)
    return watch.report(given.steps)


def main() -> None:
    """Run the contest."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--shape", choices=SHAPES, default="pseudodata")
    options.add_argument("--trials", type=int, help="simulated and recorded trials (per session)")
    options.add_argument("--steps", type=int, default=2, help="steps in one measurement")
    given = options.parse_args()
    contest(
        given,
        {name: lambda how=how: steps(given, *how) for name, how in CONTENDERS.items()},
    )


if __name__ == "__main__":
    main()
