"""A step down the gradient, and what follows it: shrinkage, constraints, running average.

With the step x of `adam.update`, a learning rate lr and the average a of the steps so far:

    x <- x - sign(x) min(|x|, lr l1)            recurrent and input weights
    x <- step down sum sqrt|x|                  with sparsity, see `shrinkage.sparser`
    x <- constraints                            signs, masks, bounds: see `network.clip`
    a <- a + (1 - decay) (x - a)

`followed` says this one operation after the other. `descended` does it in one pass over each
parameter, which is worth a tenth of a step with small batches.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from spiketwin.learning import adam
from spiketwin.learning.protocol import FitState
from spiketwin.learning.shrinkage import shrunk, sparser
from spiketwin.network import Network, Parameters, bounds, clip
from spiketwin.network.kernels.compiled import strict
from spiketwin.network.reuse import empty
from spiketwin.network.threads import shared

SHRINKING = ("recurrent", "input")


@dataclass(frozen=True)
class Descent:
    """Numbers of a step.

    Attributes
    ----------
    rate, beta2 : of Adam.
    shrinkage, sparsity : what weights lose, and the step down the sum of their roots.
    decay : of the running average.
    """

    rate: float
    beta2: float
    shrinkage: float
    sparsity: float
    decay: float


def descended(
    network: Network, state: FitState, gradients: Parameters, how: Descent
) -> tuple[Parameters, Parameters, Parameters]:
    """Parameters, their running average and the moments of Adam after a step.

    Parameters
    ----------
    network : whose constraints hold.
    state : before the step.
    gradients : of the trained parameters.
    how : numbers of the step.
    """
    if how.sparsity or network.sign.device.type != "cpu":
        return followed(network, state, gradients, how)
    parameters, evaluated = dict(state.parameters), dict(state.evaluated)
    memory = dict(state.memory)
    for name, gradient in gradients.items():
        first, second = f"adam first {name}", f"adam second {name}"
        old = [parameters[name], evaluated[name], memory[first], memory[second]]
        new = [empty(tuple(value.shape), value.dtype) for value in old]
        _pass(gradient, old, new, _numbers(network, name, state.step + 1, how))
        parameters[name], evaluated[name], memory[first], memory[second] = new
    return parameters, evaluated, memory


def followed(
    network: Network, state: FitState, gradients: Parameters, how: Descent
) -> tuple[Parameters, Parameters, Parameters]:
    """`descended`, one operation after the other; the truth of the kernel, on any device."""
    changed, memory = adam.update(
        state.parameters, gradients, state.memory, how.rate, how.beta2, state.step + 1
    )
    for name in SHRINKING:
        changed[name] = shrunk(changed[name], how.shrinkage)
    if how.sparsity:
        changed |= sparser(network, changed, how.sparsity)
    parameters = clip(network, {**state.parameters, **changed})
    evaluated = {
        name: state.evaluated[name].lerp(value, 1 - how.decay) for name, value in parameters.items()
    }
    return parameters, evaluated, memory


def _numbers(network: Network, name: str, calls: int, how: Descent) -> np.ndarray:
    """What the kernel needs beside the arrays."""
    least, most = bounds(network, name)
    numbers = [
        1 - adam.BETA1,
        1 - how.beta2,
        how.rate / (1 - adam.BETA1**calls),
        1 / (1 - how.beta2**calls),
        adam.EPSILON,
        how.shrinkage if name in SHRINKING else 0.0,
        least,
        most,
        1 - how.decay,
    ]
    return np.array(numbers)


def _pass(gradient: Tensor, old: list[Tensor], new: list[Tensor], numbers: np.ndarray) -> None:
    arrays = [value.detach().contiguous().numpy().reshape(-1) for value in (gradient, *old)]
    changed = [value.numpy().reshape(-1) for value in new]
    typed = numbers.astype(arrays[0].dtype)
    if len(arrays[0]) < SMALL:
        _descend(*arrays, *changed, typed, 0, len(arrays[0]))
        return
    shared(lambda a, b: _descend(*arrays, *changed, typed, a, b), len(arrays[0]))


SMALL = 20_000
"""Parameters that are not worth a second thread."""


BLOCK = 2048
"""Entries whose arrays lie in the cache together."""


@strict
def _descend(
    g: np.ndarray,
    x: np.ndarray,
    average: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    to_x: np.ndarray,
    to_average: np.ndarray,
    to_first: np.ndarray,
    to_second: np.ndarray,
    numbers: np.ndarray,
    a: int,
    b: int,
) -> None:
    """Entries a to b of one parameter. Where no synapse may be, gradient and weight are zero and
    stay so."""
    renewal1, renewal2, rate, scale, epsilon, shrinkage, least, most, share = numbers
    for start in range(a, b, BLOCK):
        block = slice(start, min(start + BLOCK, b))
        # Short loops over what is in the cache: one long one has too many arrays for the compiler.
        m, s, y, mean = to_first[block], to_second[block], to_x[block], to_average[block]
        old_m, old_s, old_mean = first[block], second[block], average[block]
        slope, weight = g[block], x[block]
        for k in range(len(m)):
            m[k] = old_m[k] + renewal1 * (slope[k] - old_m[k])
        for k in range(len(m)):
            s[k] = old_s[k] + renewal2 * (slope[k] * slope[k] - old_s[k])
        for k in range(len(m)):
            value = weight[k] - rate * m[k] / (np.sqrt(s[k] * scale) + epsilon)
            # Comparisons that let through what is not a number, so that it is found.
            lost = shrinkage if abs(value) > shrinkage else abs(value)
            value = value - lost if value > 0 else value + lost
            value = least if value < least else value
            y[k] = most if value > most else value
        for k in range(len(m)):
            mean[k] = old_mean[k] + share * (y[k] - old_mean[k])
