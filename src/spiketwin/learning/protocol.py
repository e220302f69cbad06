"""What all learning methods share: a fitter, its state, the record of a step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol, Self, TypeVar

from torch import Tensor

from spiketwin.network import Parameters


@dataclass(frozen=True)
class FitState:
    """Everything a fit remembers between steps; a checkpoint holds nothing else.

    Attributes
    ----------
    step : steps done.
    parameters : what learning changes.
    evaluated : what is scored and saved (e.g. an average over steps).
    memory : the method's own tensors.
    numbers : the method's own numbers.
    """

    step: int
    parameters: Parameters
    evaluated: Parameters
    memory: dict[str, Tensor] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """What a step tells.

    Attributes
    ----------
    step : steps done.
    learning_rate : of this step.
    batch : simulated trials.
    loss_neuron, loss_trial, loss_dispersion : losses (NaN where the method has none).
    rate_hz : mean rate of the simulated trials.
    weight_change : size of the change of the weights since the beginning, relative to theirs (NaN
        where the method does not follow it).
    gain : least squares: how far the last update followed its last sample rather than what was
        learned before, x^T P x, largest over neurons (NaN where the method does not follow it).
    trouble : why learning cannot go on; "" where it can.
    """

    step: int
    learning_rate: float
    batch: int
    loss_neuron: float
    loss_trial: float
    rate_hz: float
    weight_change: float = math.nan
    gain: float = math.nan
    loss_dispersion: float = math.nan
    trouble: str = ""


class Learnable(Protocol):
    """A network whose parameters can be replaced."""

    def with_parameters(self, parameters: Parameters, /) -> Self:
        """The same network with some parameters replaced."""
        ...


N = TypeVar("N", bound=Learnable)
"""Kind of network that a method trains."""
N_contra = TypeVar("N_contra", bound=Learnable, contravariant=True)


class Fitter(Protocol[N_contra]):
    """Changes the parameters of a network until it reproduces recorded trials.

    A fitter is made for its trials and its seed, so that statistics of the data are taken once.
    """

    @property
    def steps(self) -> int:
        """Steps of the whole fit."""
        ...

    def start(self, network: N_contra, /) -> FitState:
        """State before the first step."""
        ...

    def step(self, network: N_contra, state: FitState, /) -> tuple[FitState, Record]:
        """One step; the same state gives the same result. Its memory may change in place."""
        ...
