"""`matching.debiased` of many sets of trials at once, with its gradient written by hand.

Whatever the halves and the plans, the loss is a weighted sum of distances. With z the simulated
trials x above the recorded ones,

    L = sum_ij W_ij d(x_i, z_j) + const,    dL/dx_i = sum_j G_ij (x_i - z_j),    G = W / d

(and likewise for the x_j among the z_j). One table of distances per set serves all halves, and all
assignments are solved together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spiketwin.losses.assignment import Problems, solve
from spiketwin.losses.distances import distances
from spiketwin.losses.matching import SPLITS

TINY = 1e-5
"""Distance of trials that coincide: their gradient is 0."""


def debiased_of_all(
    simulated: Sequence[Tensor], recorded: Sequence[Tensor], generator: torch.Generator
) -> Tensor:
    """`debiased` of every pair of sets, (pair,), with the same random halves.

    Parameters
    ----------
    simulated, recorded : trials as features, (n, D) and (m, D) of each pair; no gradient flows to
        the recorded ones.
    generator : picks the halves.
    """
    values: Tensor = _Debiased.apply(list(recorded), generator, *simulated)
    return values


class _Debiased(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, recorded: list[Tensor], generator: torch.Generator, *simulated: Tensor
    ) -> Tensor:
        both = [torch.cat(pair) for pair in zip(simulated, recorded, strict=True)]
        tables = [distances(z, z) for z in both]
        # A card is still at work on the tables while the halves are drawn.
        drawn = [
            _halves(len(x), len(z) - len(x), generator)
            for x, z in zip(simulated, both, strict=True)
        ]
        weights = _weights(tables, drawn)
        values, gradients = [], []
        for x, z, table, weight in zip(simulated, both, tables, weights, strict=True):
            values.append((weight * table).sum())
            scaled = torch.where(table > TINY, weight / table.clamp(min=TINY), 0.0)
            symmetric = (scaled + scaled.T)[: len(x)]
            gradients.append(symmetric.sum(1)[:, None] * x - symmetric @ z)
        ctx.save_for_backward(*gradients)
        return torch.stack(values)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        return (None, None, *(g * u for g, u in zip(ctx.saved_tensors, outer[0], strict=True)))


def _weights(tables: list[Tensor], drawn: list[np.ndarray]) -> list[Tensor]:
    """Weight of each distance in the loss, a table per pair."""
    sizes = [len(table) for table in tables]
    problems = _problems(sizes, drawn)
    flat = torch.cat([table.flatten() for table in tables])
    matched = solve(_on_host(flat), problems)
    columns = np.take_along_axis(problems.columns, matched, 1)
    entry = problems.start[:, None] + problems.rows * problems.width[:, None] + columns
    sign = np.tile([0.5, 0.5, -0.5, -0.5], len(matched) // 4) / (SPLITS * problems.size)
    inside = np.arange(matched.shape[1]) < problems.size[:, None]
    where = torch.from_numpy(entry[inside]).to(flat.device)
    share = torch.from_numpy(np.broadcast_to(sign[:, None], entry.shape)[inside]).to(flat)
    weights = torch.zeros_like(flat).index_put((where,), share, accumulate=True)
    parts = weights.split([size**2 for size in sizes])
    return [part.view(size, size) for part, size in zip(parts, sizes, strict=True)]


def _on_host(values: Tensor) -> np.ndarray:
    """Single precision, through pinned memory from a card."""
    host = torch.empty(values.shape, pin_memory=values.is_cuda)
    found: np.ndarray = host.copy_(values).numpy()
    return found


def _halves(n: int, m: int, generator: torch.Generator) -> np.ndarray:
    """(split, 4, half) rows of the halves x1, x2, y1, y2 in the table of a pair."""
    half = min(n, m) // 2
    found = []
    for _ in range(SPLITS):
        x, y = torch.randperm(n, generator=generator), torch.randperm(m, generator=generator)
        found.append(torch.stack([*x[: 2 * half].split(half), *(y[: 2 * half] + n).split(half)]))
    return torch.stack(found).numpy()


def _problems(sizes: list[int], drawn: list[np.ndarray]) -> Problems:
    """Assignments x1-y1, x2-y2, x1-x2, y1-y2 of every split of every pair."""
    starts = np.cumsum([0, *(size**2 for size in sizes)])[:-1]
    counts = [4 * len(halves) for halves in drawn]
    widest = max(halves.shape[2] for halves in drawn)
    padded = [np.pad(h, ((0, 0), (0, 0), (0, widest - h.shape[2]))) for h in drawn]
    return Problems(
        start=np.repeat(starts, counts),
        width=np.repeat(sizes, counts),
        size=np.repeat([halves.shape[2] for halves in drawn], counts),
        rows=np.concatenate([h[:, [0, 1, 0, 2]].reshape(-1, widest) for h in padded]),
        columns=np.concatenate([h[:, [2, 3, 1, 3]].reshape(-1, widest) for h in padded]),
    )
