"""Exact backward pass of a tile of trials: matrix products by torch, the rest by kernels.

Several workers on one tile go through the steps together. At each step they share the columns of
the product first and the trials after it, so that a worker reads its part of the weights only, and
small batches make products as large as they can be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from threading import Barrier

import numpy as np
import torch
from torch import Tensor

from spiketwin.network.kernels.backward import SCRATCH_ROWS, step_back
from spiketwin.network.kernels.layout import Circuit, Course, Escape, Gradients, Incoming
from spiketwin.network.kernels.sampled import STEPS
from spiketwin.network.kernels.weights import weights_back
from spiketwin.network.threads import together
from spiketwin.network.workspace import Workspace


def tile_back(
    circuit: Circuit,
    escape: Escape,
    course: Course,
    workspace: Workspace,
    incoming: Incoming,
    gradients: Sequence[Gradients],
    tile: range,
) -> None:
    """All steps of a tile, backwards.

    Parameters
    ----------
    circuit, escape, course, workspace, incoming : the run.
    gradients : one per worker, to add to; all share the arrays of the weights and of the drive.
    tile : trials.
    """
    neurons, window = len(circuit.decay), len(course.bin)
    number, workers = torch.from_numpy(circuit.decay).dtype, len(gradients)
    history = torch.zeros((int(circuit.delays.max()) + STEPS, len(tile), neurons), dtype=number)
    recurrent = torch.zeros((len(tile), neurons), dtype=number)
    adapting = np.zeros((len(tile), neurons if escape.adaptation > 0 else 0), circuit.decay.dtype)
    barrier = Barrier(workers)
    past, received = history.numpy(), recurrent.numpy()

    def work(worker: int) -> None:
        rows = np.zeros((SCRATCH_ROWS, neurons + neurons % 2), circuit.decay.dtype)
        products = _Products(circuit, history, recurrent, worker, workers)
        mine = gradients[worker]
        for inside in reversed(range(window)):
            products.take(inside, window)
            barrier.wait()
            step_back(
                circuit, escape, course, workspace.events, workspace.surrogate, incoming, mine,
                past, received, adapting, rows, tile.start, inside, worker, workers,
            )  # fmt: skip
            barrier.wait()
            if inside % STEPS == 0:
                stop = min(inside + STEPS, window)
                weights_back(
                    circuit, course, workspace.events, mine, past, tile.start, inside, stop,
                    worker, workers,
                )  # fmt: skip

    together(_aborting(work, barrier), workers)


def _aborting(work: Callable[[int], None], barrier: Barrier) -> Callable[[int], None]:
    """Work that lets nobody wait for a worker that failed."""

    def guarded(worker: int) -> None:
        try:
            with torch.no_grad():
                work(worker)
        except BaseException:
            barrier.abort()
            raise

    return guarded


class _Products:
    """A worker's columns of the sum over delays and posts of W h.

    Neurons with the same posts are taken together; products leave out the posts that none of them
    has.
    """

    def __init__(
        self, circuit: Circuit, history: Tensor, result: Tensor, worker: int, workers: int
    ) -> None:
        neurons = len(circuit.decay)
        weights = torch.from_numpy(circuit.recurrent).view(-1, neurons, neurons)
        runs = list(_share(list(_runs(circuit.reach)), worker, workers))
        self.delays = [int(delay) for delay in circuit.delays]
        self.outputs = [result[:, a:b] for a, b, _, _ in runs]
        self.weights = [[w[a:b, c:d].T for a, b, c, d in runs] for w in weights]
        self.history = [[slot[:, c:d] for _, _, c, d in runs] for slot in history]

    def take(self, inside: int, window: int) -> None:
        """Compute the sum for one step from those that follow."""
        arriving = [(d, delay) for d, delay in enumerate(self.delays) if inside + delay < window]
        for k, output in enumerate(self.outputs):
            for n, (d, delay) in enumerate(arriving):
                h = self.history[(inside + delay) % len(self.history)][k]
                if n == 0:
                    torch.mm(h, self.weights[d][k], out=output)
                else:
                    output.addmm_(h, self.weights[d][k])


Runs = tuple[int, int, int, int]
"""(first, last, first post, last post) of neighbouring neurons with the same posts."""


def _runs(reach: np.ndarray) -> Iterator[Runs]:
    edges = np.flatnonzero((np.diff(reach, axis=0) != 0).any(1)) + 1
    if len(edges) > 64:
        yield 0, len(reach), 0, len(reach)
        return
    starts, stops = [0, *edges], [*edges, len(reach)]
    for a, b in zip(starts, stops, strict=True):
        yield int(a), int(b), int(reach[a, 0]), int(reach[a, 1])


def _share(runs: list[Runs], worker: int, workers: int) -> Iterator[Runs]:
    """The runs, or parts of them, that are a worker's equal share of the arithmetic."""
    cost = np.cumsum([0, *((b - a) * max(d - c, 1) for a, b, c, d in runs)])
    low, high = (cost[-1] * k / workers for k in (worker, worker + 1))
    for (a, b, c, d), start in zip(runs, cost, strict=False):
        each = max(d - c, 1)
        first = a + round(min(max(low - start, 0) / each, b - a))
        last = a + round(min(max(high - start, 0) / each, b - a))
        if last > first:
            yield first, last, c, d
