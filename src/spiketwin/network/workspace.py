"""Memory of a run that is used again by the next one."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spiketwin.errors import SpiketwinError
from spiketwin.network.kernels.layout import Circuit, Course, Escape, Events, Surrogate

SITES_USED, SPIKES_USED = 0.25, 0.1
"""Shares of the lists of sites and of spikes that a run fills at most, as a rule."""

MEMINFO = Path("/proc/meminfo")
CGROUP = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current"))


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
            check_memory(shape.megabytes + counts_megabytes(course), trials)
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


def counts_megabytes(course: Course) -> float:
    """Memory of the counts of a run, of their gradients, and of what is combined from these."""
    trials, neurons = course.drive.shape
    return 4 * trials * int(course.bin[-1] + 1) * neurons * course.drive.itemsize / 2**20


def check_memory(needed_mb: float, trials: int) -> None:
    """Refuse a batch before it makes the machine swap or the system end the process.

    Raises
    ------
    SpiketwinError
        When less memory is available.
    """
    available_mb = memory_available_mb()
    if needed_mb > available_mb:
        raise SpiketwinError(
            f"a batch of {trials} trials needs {needed_mb:.0f} MB of memory, {available_mb:.0f} MB "
            "are available; lower learning.batches, shorten trials.window_s, or lower "
            "trials.stitching.neurons_per_area"
        )


def memory_available_mb() -> float:
    """Memory that can still be used, as far as the system says; infinite where it does not."""
    found = [float("inf")]
    try:
        lines = MEMINFO.read_text().splitlines()
        found += [int(ln.split()[1]) / 2**10 for ln in lines if ln.startswith("MemAvailable")]
        limit, used = (int(path.read_text()) for path in CGROUP)
        found.append((limit - used) / 2**20)
    except (OSError, ValueError):
        pass  # another system, or no limit
    return min(found)


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
