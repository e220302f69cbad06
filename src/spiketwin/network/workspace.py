"""Memory of a run that is used again by the next one."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from spiketwin.network.kernels.layout import Circuit, Course, Escape, Events, Surrogate
from spiketwin.network.memory import check_memory, counts_megabytes

SITES_USED, SPIKES_USED = 0.25, 0.1
"""Shares of the lists of sites and of spikes that a run fills at most, as a rule."""


@dataclass
class Workspace:
    """Arrays that one run needs until its gradient is taken; used again by the next run.

    Fresh memory costs more than the simulation of a small batch.
    """

    events: Events
    surrogate: Surrogate

    @classmethod
    def of(cls, circuit: Circuit, escape: Escape, course: Course, learning: bool) -> Workspace:
        """One that is free, or a new one; free again when nothing holds it."""
        trials, neurons = course.drive.shape
        steps, window = course.before + len(course.bin), len(course.bin)
        shape = Shape(
            trials=trials,
            spikes=-(-steps // (1 + escape.refractory)) * neurons,
            steps=steps,
            inputs=steps * len(circuit.input),
            window=window,
            slopes=window * neurons if learning else 0,
            bends=window * neurons if learning and escape.adaptation > 0 else 0,
            # One entry more, since every step writes one entry past its last site.
            sites=window * neurons + 1 if learning and escape.cut > 0 else 0,
            number=course.drive.dtype.str,
        )
        arrays = _FREE.pop(shape, None)
        if arrays is None:
            _FREE.clear()
            bins, itemsize = int(course.bin[-1]) + 1, course.drive.itemsize
            counts = counts_megabytes(trials, bins, neurons, itemsize)
            check_memory(shape.megabytes + counts, trials)
            arrays = _arrays(shape)
        workspace = cls(Events(*arrays[:4]), Surrogate(*arrays[4:]))
        weakref.finalize(workspace, _FREE.__setitem__, shape, arrays)
        return workspace


class Shape(NamedTuple):
    """Entries per trial of each array of a workspace."""

    trials: int
    spikes: int
    steps: int
    inputs: int
    window: int
    slopes: int
    bends: int
    sites: int
    number: str

    @property
    def megabytes(self) -> float:
        """Memory that is touched; lists of sites stay short, those of spikes even shorter."""
        number = np.dtype(self.number).itemsize
        derivatives = number * (self.slopes + self.bends) + 4 * self.sites
        used = SITES_USED if self.sites else 1.0
        return self.trials * (used * derivatives + 4 * SPIKES_USED * self.spikes) / 2**20


_FREE: dict[Shape, tuple[np.ndarray, ...]] = {}


def _arrays(shape: Shape) -> tuple[np.ndarray, ...]:
    trials = shape.trials
    learning = trials if shape.slopes else 0
    room = (1 if shape.sites else 0) + shape.slopes
    arrays = (
        np.empty((trials, shape.spikes), np.int32),
        np.empty((trials, shape.steps + 1), np.int64),
        np.empty((trials, shape.inputs), np.int32),
        np.empty((trials, shape.steps + 1), np.int64),
        np.empty((learning, room), shape.number),
        np.empty((learning, room if shape.bends else 0), shape.number),
        np.empty((learning, shape.sites), np.int32),
        np.zeros((learning, shape.window + 1), np.int64),
    )
    return arrays
