"""All that a captured graph depends on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spiketwin.config import Network as NetworkConfig
from spiketwin.network.gpu.products import padded
from spiketwin.network.inputs import Stimulation
from spiketwin.network.prepared import Prepared


class Size(NamedTuple):
    """All that a captured graph depends on."""

    trials: int
    neurons: int
    channels: int
    groups: int
    traces: int
    before: int
    bins: tuple[int, ...]
    delays: tuple[int, ...]
    refractory: int
    kind: str
    temperature: float
    dampening: float
    step_s: float
    perturbed: bool
    learning: bool

    @classmethod
    def of(
        cls,
        prepared: Prepared,
        config: NetworkConfig,
        stimulation: Stimulation,
        before: int,
        bins: np.ndarray,
        learning: bool,
    ) -> Size:
        """Of a run."""
        return cls(
            trials=len(prepared.drive),
            neurons=prepared.drive.shape[1],
            channels=len(prepared.input),
            groups=len(stimulation.baseline),
            traces=len(prepared.readout),
            before=before,
            bins=tuple(bins.tolist()),
            delays=prepared.delays,
            refractory=prepared.constants.refractory,
            kind=config.spike_function,
            temperature=config.temperature,
            dampening=config.dampening,
            step_s=config.step_s,
            perturbed=bool(len(prepared.extra)),
            learning=learning,
        )

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.before + len(self.bins)

    @property
    def room(self) -> int:
        """Neurons with padding."""
        return padded(self.neurons)

    @property
    def recurrent(self) -> int:
        """Sources that are neurons, with padding."""
        return len(self.delays) * self.room

    @property
    def width(self) -> int:
        """All sources, with padding."""
        return self.recurrent + padded(self.channels)
