"""Random numbers of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from spiketwin.network.kernels.randomness import INPUTS, LATENT, RATES, fill_neurons, fill_uniform


class Draws(Protocol):
    """Uniform numbers lie in [0, 1)."""

    def latent(self, trials: int, dimensions: int) -> Tensor:
        """(trial, dimension) uniform."""

    def inputs(self, trials: int, first_step: int, steps: int, channels: int) -> Tensor:
        """(trial, step, channel) uniform."""

    def neurons(self, trials: int, step: int, neurons: int) -> tuple[Tensor, Tensor]:
        """Normal and uniform numbers, each (trial, neuron)."""


@dataclass(frozen=True)
class CounterDraws:
    """Numbers that depend on seed, trial, step and place only; those of the compiled kernels.

    Attributes
    ----------
    seed : 63 bits.
    first_trial : number of the first trial.
    """

    seed: int
    first_trial: int = 0

    def latent(self, trials: int, dimensions: int) -> Tensor:
        """(trial, dimension) uniform."""
        return self._uniform(LATENT, trials, 0, 1, dimensions)[:, 0]

    def inputs(self, trials: int, first_step: int, steps: int, channels: int) -> Tensor:
        """(trial, step, channel) uniform."""
        return self._uniform(INPUTS, trials, first_step, steps, channels)

    def rates(self, trials: int, steps: int, groups: int) -> Tensor:
        """(trial, step, group) standard normal, from open intervals of uniform numbers."""
        uniform = self._uniform(RATES, trials, 0, steps, groups)
        return torch.special.ndtri(uniform.double() + 2.0**-25).float()

    def neurons(self, trials: int, step: int, neurons: int) -> tuple[Tensor, Tensor]:
        """Normal and uniform numbers, each (trial, neuron)."""
        rows = np.empty((trials, 3, 2 * ((neurons + 1) // 2)), dtype=np.float32)
        fill_neurons(rows, neurons, step, self.first_trial, np.uint64(self.seed))
        drawn = torch.from_numpy(rows)[:, :, :neurons]
        return drawn[:, 0], drawn[:, 1]

    def _uniform(self, stream: int, trials: int, first: int, steps: int, count: int) -> Tensor:
        rows = np.empty((trials, steps, 4 * ((count + 3) // 4)), dtype=np.float32)
        fill_uniform(rows, count, first, self.first_trial, stream, np.uint64(self.seed))
        return torch.from_numpy(rows)[:, :, :count]


@dataclass(frozen=True)
class TorchDraws:
    """Numbers of a torch generator, on any device."""

    generator: torch.Generator

    def latent(self, trials: int, dimensions: int) -> Tensor:
        """(trial, dimension) uniform."""
        return self._uniform(trials, dimensions)

    def inputs(self, trials: int, first_step: int, steps: int, channels: int) -> Tensor:
        """(trial, step, channel) uniform."""
        return self._uniform(trials, steps, channels)

    def neurons(self, trials: int, step: int, neurons: int) -> tuple[Tensor, Tensor]:
        """Normal and uniform numbers, each (trial, neuron)."""
        device = self.generator.device
        normal = torch.randn((trials, neurons), generator=self.generator, device=device)
        return normal, self._uniform(trials, neurons)

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator, device=self.generator.device)


def draws(seed: int, device: torch.device, first_trial: int = 0) -> Draws:
    """The source of a run on this device."""
    if device.type == "cpu":
        return CounterDraws(seed, first_trial)
    generator = torch.Generator(device=device)
    return TorchDraws(generator.manual_seed(seed + first_trial))
