"""Setting the biases to the recorded rates before the first step.

A network at its initial weights fires far too little, and learning recovers slowly from there.
Forward passes alone repair it: with recorded and simulated rates R and r in hertz, in pass k

    c <- c + 0.03 * 0.93^k [ log(R + 1) - log(r + 1) ]
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from spiketwin.errors import SpiketwinError
from spiketwin.losses import RateTarget
from spiketwin.network import Network, Run, Stimulation, run
from spiketwin.randomness import integer_seed, numpy_generator

TRIALS = 48
GAIN, SHRINK = 0.03, 0.93
LARGEST_ERROR = 0.4
"""Mean absolute error of the log rates above which a fit has no sensible start."""


def calibrate(
    network: Network,
    pool: Stimulation,
    target: RateTarget,
    bins: np.ndarray,
    passes: int,
    prerun_s: float,
    seed: int,
) -> tuple[Tensor, float]:
    """Biases (neuron,) that give the recorded rates, and the error that remains.

    Parameters
    ----------
    network, pool : network at its start, stimulation of the recorded trials.
    target : recorded rates.
    bins, passes, prerun_s, seed : (step,) group of each step, forward passes, pre-run, seed.

    Raises
    ------
    SpiketwinError
        When the rates cannot be reached.
    """
    bias, error = network.parameters["bias"], float("nan")
    for k in range(passes):
        adjusted = network.with_parameters({"bias": bias})
        log_ratio = _log_ratio(
            adjusted, pool, target, bins, prerun_s, integer_seed(seed, "calibration", k)
        )
        bias = bias + GAIN * SHRINK**k * log_ratio
        error = float(log_ratio.abs().mean())
    if error > LARGEST_ERROR:
        raise SpiketwinError(
            f"calibration ends with a mean log-rate error of {error:.2f}, expected at most "
            f"{LARGEST_ERROR}; raise learning.calibration (found {passes}), or leave out units of "
            "extreme rate with trials.stitching.max_rate_hz"
        )
    return bias, error


def _log_ratio(
    network: Network,
    pool: Stimulation,
    target: RateTarget,
    bins: np.ndarray,
    prerun_s: float,
    seed: int,
) -> Tensor:
    """log(R + 1) - log(r + 1) of every neuron, from one forward pass."""
    rows = np.sort(numpy_generator(seed, "trials").integers(pool.trials, size=TRIALS))
    with torch.no_grad():
        counts = run(network, pool.take(rows), Run(seed, bins, prerun_s)).counts
    rate = counts[:, target.before].sum(1).mean(0) / target.before_s
    return torch.log1p(target.rate_hz) - torch.log1p(rate)
