"""Exact backward pass of a tile: matrix products by torch, everything else by kernels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from spiketwin.network.kernels.backward import SCRATCH_ROWS, step_back
from spiketwin.network.kernels.layout import Circuit, Course, Escape, Gradients, Incoming
from spiketwin.network.kernels.sampled import STEPS
from spiketwin.network.kernels.weights import weights_back
from spiketwin.network.workspace import Workspace


def tile_back(
    circuit: Circuit,
    escape: Escape,
    course: Course,
    workspace: Workspace,
    incoming: Incoming,
    gradients: Gradients,
    tile: range,
) -> None:
    """All steps of a tile, backwards."""
    neurons, window = len(circuit.decay), len(course.bin)
    number = torch.from_numpy(circuit.decay).dtype
    length = int(circuit.delays.max()) + STEPS
    history = torch.zeros((length, len(tile), neurons), dtype=number)
    recurrent = torch.zeros((len(tile), neurons), dtype=number)
    adapting = np.zeros((len(tile), neurons if escape.adaptation > 0 else 0), circuit.decay.dtype)
    rows = np.zeros((SCRATCH_ROWS, neurons + neurons % 2), circuit.decay.dtype)
    products = _Products(circuit, history, recurrent)
    for inside in reversed(range(window)):
        products.take(inside, window)
        step_back(
            circuit, escape, course, workspace.events, workspace.surrogate, incoming, gradients,
            history.numpy(), recurrent.numpy(), adapting, rows, tile.start, inside,
        )  # fmt: skip
        if inside % STEPS == 0:
            stop = min(inside + STEPS, window)
            weights_back(
                circuit, course, workspace.events, gradients, history.numpy(), tile.start,
                inside, stop,
            )  # fmt: skip


class _Products:
    """Sum over delays and posts of W h, for runs of neurons with the same posts."""

    def __init__(self, circuit: Circuit, history: Tensor, result: Tensor) -> None:
        neurons = len(circuit.decay)
        weights = torch.from_numpy(circuit.recurrent).view(-1, neurons, neurons)
        runs = list(_runs(circuit.reach))
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


def _runs(reach: np.ndarray) -> Iterator[tuple[int, int, int, int]]:
    """(first, last, first post, last post) of neighbouring neurons with the same posts."""
    edges = np.flatnonzero((np.diff(reach, axis=0) != 0).any(1)) + 1
    if len(edges) > 64:
        yield 0, len(reach), 0, len(reach)
        return
    starts, stops = [0, *edges], [*edges, len(reach)]
    for a, b in zip(starts, stops, strict=True):
        yield int(a), int(b), int(reach[a, 0]), int(reach[a, 1])
