"""Least squares with weights that keep their signs (Dale's law), solved exactly.

    min_w  1/2 (w - w_0)^T A (w - w_0) - c^T (w - w_0)   subject to  s w >= 0 where s = +-1

by principal pivoting (Kim & Park 2011): weights are either free or held at zero; free ones of the
wrong sign are held, held ones whose gradient points inwards are freed, until none is left. Where
exchanging all of them does not help, only the last one is exchanged, which always ends.
"""

from __future__ import annotations

import torch

PATIENCE = 3
"""Exchanges of all that may fail to reduce the number of wrong ones."""
TOLERANCE = 1e-6


def with_signs(
    gram: torch.Tensor,
    cross: torch.Tensor,
    initial: torch.Tensor,
    signs: torch.Tensor,
    held: torch.Tensor,
) -> torch.Tensor:
    """(row, input) change of the weights.

    Parameters
    ----------
    gram : (row, input, input) A.
    cross : (row, input) c.
    initial : (row, input) w_0.
    signs : (row, input) +1, -1, or 0 where a weight is free.
    held : (row, input) bool, weights to be held at zero at first: those of an earlier solution
        save most of the exchanges.
    """
    right = torch.bmm(gram, initial[:, :, None])[:, :, 0] + cross
    held = held & (signs != 0)
    weights = _free(gram, right, held)
    rows = torch.arange(len(gram))
    fewest = torch.full((len(gram),), gram.shape[1] + 1)
    left = torch.full((len(gram),), PATIENCE)
    while True:
        wrong = _wrong(gram[rows], right[rows], weights[rows], held[rows], signs[rows])
        number = wrong.sum(1)
        some = number > 0
        rows, wrong, number = rows[some], wrong[some], number[some]
        if not len(rows):
            return weights - initial
        better = number < fewest[rows]
        fewest[rows] = torch.minimum(fewest[rows], number)
        left[rows] = torch.where(better, PATIENCE, left[rows] - 1)
        one = left[rows] < 0
        wrong[one] = _last(wrong[one])
        held[rows] ^= wrong
        weights[rows] = _free(gram[rows], right[rows], held[rows])


def _free(gram: torch.Tensor, right: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
    """Minimum over the weights that are not held at zero."""
    both = held[:, :, None] | held[:, None, :]
    reduced = gram.masked_fill(both, 0.0)
    reduced.diagonal(dim1=1, dim2=2)[held] = 1.0
    factor = torch.linalg.cholesky(reduced)
    return torch.cholesky_solve(right.masked_fill(held, 0.0)[:, :, None], factor)[:, :, 0]


def _wrong(
    gram: torch.Tensor,
    right: torch.Tensor,
    weights: torch.Tensor,
    held: torch.Tensor,
    signs: torch.Tensor,
) -> torch.Tensor:
    """Free weights of the wrong sign, held ones that want to grow in the right direction."""
    pull = right - torch.bmm(gram, weights[:, :, None])[:, :, 0]
    size = TOLERANCE * right.abs().amax(1, keepdim=True)
    return torch.where(held, signs * pull > size, (signs * weights < 0) & (signs != 0))


def _last(wrong: torch.Tensor) -> torch.Tensor:
    """Only the last True of each row."""
    place = torch.arange(wrong.shape[1])
    last = torch.where(wrong, place, -1).amax(1)
    return place == last[:, None]
