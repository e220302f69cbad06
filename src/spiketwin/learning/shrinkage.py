"""Weights that shrink beside the gradient steps: by a constant, or down the sum of their roots."""

from __future__ import annotations

import torch
from torch import Tensor

from spiketwin.network import Network, Parameters


def shrunk(weights: Tensor, amount: float) -> Tensor:
    """Weights moved towards zero, never across it."""
    return weights - weights.sign() * torch.minimum(weights.abs(), weights.new_tensor(amount))


def sparser(network: Network, weights: Parameters, amount: float) -> Parameters:
    """Input weights, and those between areas, after a step down sum sqrt|w|."""
    area = torch.tensor(network.area, device=network.sign.device)
    across = area[:, None] != area[None, :]
    recurrent = weights["recurrent"]
    sparse = torch.where(across, _rooted(recurrent, amount), recurrent)
    return {"recurrent": sparse, "input": _rooted(weights["input"], amount)}


def _rooted(weights: Tensor, amount: float) -> Tensor:
    """Weights moved towards zero by amount / sqrt|w|; the smallest arrive there."""
    size = weights.abs()
    return weights.sign() * (size - amount / size.clamp(min=1e-12).sqrt()).clamp(min=0)
