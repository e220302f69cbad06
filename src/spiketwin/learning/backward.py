"""From combined gradients at the spikes back through time to the parameters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from spiketwin.losses import Combined
from spiketwin.network import Activity, Network, Parameters


def through_time(
    activity: Activity, network: Network, names: list[str], combined: Combined
) -> Parameters:
    """Gradients of parameters; those of the read-out as the behaviour alone has them.

    Parameters
    ----------
    activity : of a batch, with its graph.
    network : the network that made it.
    names : parameters whose gradients are wanted.
    combined : gradients at the spikes and at the projections.
    """
    outputs, upstream = [activity.counts], [combined.counts]
    if combined.projected is not None and network.traces:
        outputs, upstream = [*outputs, activity.projected], [*upstream, combined.projected]
    wanted = [network.parameters[name] for name in names]
    found = torch.autograd.grad(_Start.apply(upstream, *outputs), wanted, allow_unused=True)
    gradients = {
        name: torch.zeros_like(value) if gradient is None else gradient
        for name, value, gradient in zip(names, wanted, found, strict=True)
    }
    if "readout_weight" in gradients:
        gradients["readout_weight"] = gradients["readout_weight"] / combined.behaviour
    return gradients


class _Start(torch.autograd.Function):
    """A scalar with given gradients.

    `torch.autograd.grad(..., grad_outputs)` does the same but imports a computer algebra system to
    compare shapes, which takes a second of every fit.
    """

    @staticmethod
    def forward(ctx: Any, upstream: list[Tensor], *outputs: Tensor) -> Tensor:
        ctx.save_for_backward(*upstream)
        return outputs[0].new_zeros(())

    @staticmethod
    def backward(ctx: Any, one: Tensor) -> tuple[Tensor | None, ...]:
        return None, *ctx.saved_tensors
