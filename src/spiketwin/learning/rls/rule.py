"""What a learning instant compares, and how the least squares of a neuron take it.

    drive      e = w.x + f + I - target                       (synaptic drive; regressors r)
    rate       e = phi(w.x + f + I) - target, regressors phi'(w.x + f + I) r
    phi(x) = sqrt(c log(1 + exp(x / c))) / pi, c = 0.1        (theta neurons, spikes per tau)

(Kim & Chow 2018, eqs. 16 to 24). I is the constant input: targets are the whole input of a neuron.
Rates are learned below threshold too, unlike in the publication: the smoothed rate has a slope
there, and neurons that begin just below threshold would otherwise never learn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from spiketwin.learning.rls import block, ridge, sequential, shared
from spiketwin.learning.rls.kernels import project
from spiketwin.learning.rls.regressors import Regressors, Samples
from spiketwin.network.sparse.course import Window
from spiketwin.network.sparse.structure import SparseNetwork
from spiketwin.trials.targets import RATE

Memory = dict[str, torch.Tensor]
Absorb = Callable[[Regressors, Memory, np.ndarray, Samples], np.ndarray]
SMOOTHNESS = 0.1
LOWEST = -50 * SMOOTHNESS
"""c of the smoothed rate."""


@dataclass(frozen=True)
class Rule:
    """How weights are learned.

    Attributes
    ----------
    start, absorb : of the solver, see `sequential`, `block`, `ridge`, `shared`; absorbing gives
        the gains of the last sample.
    size : learning instants between two updates.
    kind : of the targets, `DRIVE` or `RATE`.
    at_once : changed weights act on spikes that have arrived already (Kim & Chow); otherwise a
        spike acts with the weight it finds (Kim et al. 2023).
    centred : the course of the input is learned, not its mean over the instants of an update.
    """

    start: Callable[[Regressors], Memory]
    absorb: Absorb
    size: int
    kind: str
    at_once: bool
    centred: bool = False


def solver(
    name: str, growth: float, signs: np.ndarray | None
) -> tuple[Callable[[Regressors], Memory], Absorb]:
    """Start and update of a named solver.

    Parameters
    ----------
    name : "sequential", "block", "ridge" or "shared".
    growth : of the prior with each block (ridge).
    signs : (row, input) signs that weights keep (ridge); None: free.
    """
    if name == "ridge":
        return ridge.start, partial(ridge.absorb, growth=growth, signs=signs)
    module = {"sequential": sequential, "block": block, "shared": shared}[name]
    return module.start, module.absorb


def rate(total: np.ndarray) -> np.ndarray:
    """phi, spikes per tau."""
    found: np.ndarray = np.sqrt(SMOOTHNESS * np.logaddexp(0, total / SMOOTHNESS)) / np.pi
    return found


def rate_slope(total: np.ndarray) -> np.ndarray:
    """Derivative of `rate`; far below the threshold, where it has no number any more, 0."""
    near = np.maximum(total, LOWEST)
    slope = 1 / ((1 + np.exp(-near / SMOOTHNESS)) * 2 * np.pi**2 * rate(near))
    found: np.ndarray = np.where(total < LOWEST, 0, slope)
    return found


def compare(
    network: SparseNetwork,
    window: Window,
    weights: np.ndarray,
    target: np.ndarray,
    kind: str,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Error and scale of one instant, each (row,)."""
    filtered, trained = window.simulator.filtered, network.trained
    drive = np.empty(len(trained), weights.dtype)
    project(0, len(trained), network.inputs, network.number, filtered, weights, drive)
    total = drive + window.simulator.fast[trained] + network.drive[trained]
    if kind != RATE:
        return total - target, None
    error, slope = rate(total) - target, rate_slope(total)
    return error.astype(weights.dtype), slope.astype(weights.dtype)
