"""Cost of a step against trials, duration, neurons and rate, as a table and a figure.

    python benchmarks/scaling.py --figure docs/images/scaling.svg

Every point is one step of the artificial set-up with one of its sizes changed, without the fixed
cost of the pre-run; the exponent is the slope of log CPU time over log size, from the upper half of
the sizes. Contenders: `engine` and `roulette`, as in `step.py`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from contest import Stopwatch, chosen, measured, parser
from problem import SHAPES, Shape, problem
from step import CONTENDERS

from spiketwin.network import set_threads

SIZES = {
    "trials": [25, 50, 100, 200, 400],
    "window_s": [0.25, 0.5, 1.0, 2.0],
    "neurons": [250, 500, 1000, 1500],
    "rate_hz": [2.0, 4.0, 8.0, 16.0],
}
BASE = replace(SHAPES["pseudodata"], trials=100, prerun_s=0.0)
ENGINES = ("engine", "roulette")


def point(given: argparse.Namespace, shape: Shape, contender: str) -> dict[str, float]:
    """One measurement."""
    set_threads(given.threads)
    network, fitter, state = problem(shape, *CONTENDERS["cpu"][contender])
    state, _ = fitter.step(network, state)
    with Stopwatch() as watch:
        for _ in range(3):
            state, _ = fitter.step(network, state)
    return watch.report(3)


def main() -> None:
    """Measure every size of every quantity, in a process each."""
    options = parser(__doc__.splitlines()[0], rounds=0)
    options.add_argument("--figure", type=Path, help="file to draw into")
    options.add_argument("--quantity", help=argparse.SUPPRESS)
    options.add_argument("--size", type=float, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.contender:
        kind = type(getattr(BASE, given.quantity))
        shape = replace(BASE, **{given.quantity: kind(given.size)})
        print(json.dumps(point(given, shape, given.contender)))
        return
    found = {
        f"{name}, {quantity}": [
            {"size": size} | measured(name, "--quantity", quantity, "--size", str(size))
            for size in sizes
        ]
        for name in chosen(given, ENGINES)
        for quantity, sizes in SIZES.items()
    }
    if given.json:
        named = {f"{line} {p['size']:g}": p for line, points in found.items() for p in points}
        print(json.dumps(named))
    else:
        _print(found)
    if given.figure:
        _draw(found, given.figure)


def exponent(points: list[dict[str, float]]) -> float:
    """Slope of log CPU time over log size in the upper half."""
    upper = points[len(points) // 2 - 1 :]
    size, cpu = (np.log([p[key] for p in upper]) for key in ("size", "cpu_s"))
    return float(np.polyfit(size, cpu, 1)[0])


def _print(found: dict[str, list[dict[str, float]]]) -> None:
    print("| | CPU s at each size | exponent |\n|---|---|---|")
    for name, points in found.items():
        listed = ", ".join(f"{p['size']:g}: {p['cpu_s']:.3f}" for p in points)
        print(f"| {name} | {listed} | {exponent(points):.2f} |")


def _draw(found: dict[str, list[dict[str, float]]], path: Path) -> None:
    figure, axes = plt.subplots(1, len(SIZES), figsize=(11, 2.8), sharey=True, layout="constrained")
    for axis, quantity in zip(axes, SIZES, strict=True):
        for name in ENGINES:
            points = found.get(f"{name}, {quantity}")
            if not points:
                continue
            label = f"{name}, exponent {exponent(points):.2f}"
            axis.loglog(
                [p["size"] for p in points], [p["cpu_s"] for p in points], "o-", label=label
            )
        axis.set(xlabel=quantity.replace("_", " in "))
        axis.legend(frameon=False, fontsize="x-small")
    axes[0].set(ylabel="CPU s per step")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


if __name__ == "__main__":
    main()
