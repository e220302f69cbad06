"""Features and losses of one step with their gradient at the spikes: 28 sessions, 6 areas.

    python benchmarks/losses.py

Contenders: `loop`, session by session, each averaging its own neurons over the whole window;
`engine`, what a fit does: all sessions' areas in one product, data statistics taken once.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from contest import Measured, Stopwatch, contest, parser
from problem import FEATURES, SHAPES, model, recordings

from spiketwin.learning.fit import gradient_fitter
from spiketwin.losses import neuron_loss, trial_loss
from spiketwin.losses.matching import debiased
from spiketwin.network import build, set_threads
from spiketwin.network.threads import leave_to_torch
from spiketwin.trials.features import FeatureMap


def run(given: argparse.Namespace, contender: str) -> Measured:
    """Mean of some evaluations after a first one."""
    set_threads(given.threads)
    if contender == "loop":
        leave_to_torch()
    shape = SHAPES["main"]
    trials = recordings(shape)
    settings = model(shape, "numba", 0.0)
    network = build(trials.stitching, settings.network, ["jaw"], 0)
    fitter = gradient_fitter(network, trials, FEATURES, settings, 0)
    generator = torch.Generator().manual_seed(0)
    steps = len(fitter.bins)
    groups = int(fitter.bins[-1]) + 1
    mean = shape.rate_hz * shape.window_s / groups
    counts = torch.poisson(
        torch.full((shape.trials, groups, shape.neurons), mean), generator=generator
    )
    jaw = torch.randn(shape.trials, groups, 1, generator=generator)

    def engine() -> list[torch.Tensor]:
        conditions, targets = ["all"] * shape.trials, fitter.turns[0].targets
        loss = trial_loss(counts, jaw, conditions, targets, "debiased", False, generator)
        return [loss, neuron_loss(counts, fitter.rates, True)]

    maps = [FeatureMap.of(s, FEATURES) for s in trials.sessions]
    fine = torch.from_numpy(np.repeat(np.arange(groups), np.bincount(fitter.bins)))
    lengths = torch.bincount(fine)

    def loop() -> list[torch.Tensor]:
        spread = (counts / lengths[:, None])[:, fine]
        total = torch.zeros(())
        filtered = fitter.rates.window.T @ counts
        error = (filtered.mean(0) - fitter.rates.psth) ** 2 - filtered.var(0) / len(counts)
        for session, mapping in zip(trials.sessions, maps, strict=True):
            neurons = torch.from_numpy(session.units["neuron"].to_numpy().copy())
            recorded, simulated = (
                torch.cat([f.flatten(1) for f in _features(x, mapping)], 1)
                for x in (torch.from_numpy(session.counts).float(), spread[:, :, neurons])
            )
            total = total + debiased(simulated, recorded, generator) / len(maps)
        return [total, (error / fitter.rates.sd**2).mean()]

    chosen = {"loop": loop, "engine": engine}[contender]
    assert steps == len(fine)
    counts.requires_grad_()
    _gradients(chosen(), counts)
    with Stopwatch() as watch:
        for _ in range(5):
            _gradients(chosen(), counts)
    return watch.report(5)


def _gradients(losses: list[torch.Tensor], counts: torch.Tensor) -> list[torch.Tensor]:
    """Of each loss at the counts, as the fit takes them."""
    return [torch.autograd.grad(loss, counts)[0] for loss in losses]


def _features(counts: torch.Tensor, mapping: FeatureMap) -> list[torch.Tensor]:
    averages = (counts @ torch.from_numpy(mapping.membership)).swapaxes(1, 2)
    return [
        (averages @ torch.from_numpy(window) - torch.from_numpy(mean)[:, None])
        / torch.from_numpy(sd)[:, None]
        for window, mean, sd in zip(mapping.windows, mapping.mean, mapping.sd, strict=True)
    ]


def main() -> None:
    """Run the contest."""
    given = parser(__doc__.splitlines()[0]).parse_args()
    contest(given, {name: lambda name=name: run(given, name) for name in ("loop", "engine")})


if __name__ == "__main__":
    main()
