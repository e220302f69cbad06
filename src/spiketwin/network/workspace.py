"""Memory of a run that is used again by the next one."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np

from spiketwin.network.kernels.layout import Circuit, Course, Events


@dataclass
class Workspace:
    """Arrays that one run needs until its gradient is taken; used again by the next run.

    Fresh memory costs more than the simulation of a small batch.
    """

    events: Events
    slope: np.ndarray

    @classmethod
    def of(cls, circuit: Circuit, course: Course, refractory: int, learning: bool) -> Workspace:
        """One that is free, or a new one; free again when nothing holds it."""
        trials, neurons = course.drive.shape
        steps, channels = course.before + len(course.bin), len(circuit.input)
        room = -(-steps // (1 + refractory)) * neurons
        key = (
            trials, neurons, steps, channels, room,
            len(course.bin) if learning else 0, course.drive.dtype.str,
        )  # fmt: skip
        arrays = _FREE.pop(key, None) or _arrays(*key)
        workspace = cls(Events(*arrays[:4]), arrays[4])
        weakref.finalize(workspace, _FREE.__setitem__, key, arrays)
        return workspace


_FREE: dict[tuple[Any, ...], tuple[np.ndarray, ...]] = {}


def _arrays(
    trials: int, neurons: int, steps: int, channels: int, room: int, window: int, number: str
) -> tuple[np.ndarray, ...]:
    _FREE.clear()
    return (
        np.empty((trials, room), np.int32),
        np.empty((trials, steps + 1), np.int64),
        np.empty((trials, steps * channels), np.int32),
        np.empty((trials, steps + 1), np.int64),
        np.empty((trials if window else 0, window, neurons), number),
    )
