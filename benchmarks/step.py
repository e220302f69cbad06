"""One whole optimisation step: simulation, features, losses, gradient, optimiser.

    python benchmarks/step.py --shape pseudodata
    python benchmarks/step.py --shape main --trials 30
    python benchmarks/step.py --shape main --trials 150 --rounds 1
    python benchmarks/step.py --shape main --trials 150 --device cuda

Contenders: `loop`, the plain PyTorch loop; `engine`, the compiled kernels with the exact gradient
(on an NVIDIA card Triton kernels in captured graphs); `roulette`, on the CPU, the same with the
gradient sampled at the default tolerance.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import torch
from contest import Measured, Stopwatch, contest, parser
from problem import SHAPES, problem

from spiketwin.config import GradientLearning
from spiketwin.network import on_device, set_threads

CONTENDERS = {
    "cpu": {
        "loop": ("torch", 0.0),
        "engine": ("numba", 0.0),
        "roulette": ("numba", GradientLearning().roulette),
    },
    "cuda": {"loop": ("torch", 0.0), "engine": ("triton", 0.0)},
}


def steps(given: argparse.Namespace, engine: str, roulette: float) -> Measured:
    """Mean of some steps after a first one, which compiles and touches the memory."""
    set_threads(given.threads)
    shape = SHAPES[given.shape]
    shape = replace(shape, trials=given.trials or shape.trials)
    network, fitter, state = on_device(problem(shape, engine, roulette), torch.device(given.device))
    state, record = fitter.step(network, state)
    if not 0.5 < record.rate_hz / shape.rate_hz < 2:
        raise SystemExit(f"the network fires at {record.rate_hz:.1f} Hz, not {shape.rate_hz} Hz")
    with Stopwatch() as watch:
        for _ in range(given.steps):
            state, _ = fitter.step(network, state)
        if given.device == "cuda":
            torch.cuda.synchronize()
    report = watch.report(given.steps)
    if given.device == "cuda":
        report["peak_mb"] = torch.cuda.max_memory_allocated() / 2**20
    return report


def main() -> None:
    """Run the contest."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--shape", choices=SHAPES, default="pseudodata")
    options.add_argument("--trials", type=int, help="simulated and recorded trials (per session)")
    options.add_argument("--steps", type=int, default=2, help="steps in one measurement")
    options.add_argument("--device", choices=CONTENDERS, default="cpu")
    given = options.parse_args()
    contenders = CONTENDERS[given.device].items()
    contest(given, {name: lambda how=how: steps(given, *how) for name, how in contenders})


if __name__ == "__main__":
    main()
