"""Adam (Kingma & Ba 2015) with explicit state.

m <- b1 m + (1 - b1) g,   s <- b2 s + (1 - b2) g^2
x <- x - lr (m / (1 - b1^n)) / (sqrt(s / (1 - b2^n)) + eps)
"""

from __future__ import annotations

from torch import Tensor

from spiketwin.network import Parameters

BETA1 = 0.9
EPSILON = 1e-8


def start(parameters: Parameters) -> dict[str, Tensor]:
    """Moments before the first step."""
    first = {
        f"adam first {name}": value.new_zeros(value.shape) for name, value in parameters.items()
    }
    second = {
        f"adam second {name}": value.new_zeros(value.shape) for name, value in parameters.items()
    }
    return first | second


def update(
    parameters: Parameters,
    gradients: Parameters,
    moments: dict[str, Tensor],
    learning_rate: float,
    beta2: float,
    calls: int,
) -> tuple[Parameters, dict[str, Tensor]]:
    """Parameters and moments after the step number `calls` (from 1)."""
    changed, after = {}, dict(moments)
    for name, gradient in gradients.items():
        first = moments[f"adam first {name}"].lerp(gradient, 1 - BETA1)
        second = moments[f"adam second {name}"].lerp(gradient**2, 1 - beta2)
        size = (second / (1 - beta2**calls)).sqrt() + EPSILON
        changed[name] = parameters[name] - learning_rate * first / (1 - BETA1**calls) / size
        after[f"adam first {name}"], after[f"adam second {name}"] = first, second
    return changed, after
