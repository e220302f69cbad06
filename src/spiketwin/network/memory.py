"""Memory that a run will need and the machine has left: known before anything is allocated."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from spiketwin.errors import SpiketwinError

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")

GAPS = 1.6
"""Memory that the graph of a plain loop touches, relative to what it holds (measured: 1.3 to 2.2):
the system's allocator leaves gaps between what stays until the gradient is taken and the rest."""


class LoopSize(NamedTuple):
    """What the memory of a run of the plain loop depends on.

    Attributes
    ----------
    trials, before, steps, bins, neurons, channels : sizes; steps are those of the window.
    delays : number of delays.
    adaptive : whether thresholds adapt.
    learning : whether a gradient will be taken.
    itemsize : bytes of a number.
    """

    trials: int
    before: int
    steps: int
    bins: int
    neurons: int
    channels: int
    delays: int
    adaptive: bool
    learning: bool
    itemsize: int

    @property
    def megabytes(self) -> float:
        """Memory of the trains, of the graph over time, and of the counts."""
        # Currents; spikes one by one, in one train, and joined with those before the window.
        kept = 4
        if self.delays > 1:
            kept += self.delays  # what arrives at each step, joined over delays
        if self.learning:
            # Derivative, a gradient, and noise, whose three rows of random numbers stay together.
            kept += 5 + 2 * self.adaptive
        numbers = self.steps * (kept * self.neurons + self.channels) + self.before * self.neurons
        held = self.trials * numbers * self.itemsize / 2**20
        counts = counts_megabytes(self.trials, self.bins, self.neurons, self.itemsize)
        return (GAPS if self.learning else 1.0) * held + counts


@cache
def check_loop(size: LoopSize) -> None:
    """Refuse a run of the plain loop that does not fit.

    Looked at once per size: the process may hold the memory of an earlier run for this one.

    Raises
    ------
    SpiketwinError
        When less memory is available.
    """
    check_memory(size.megabytes, size.trials)


def counts_megabytes(trials: int, bins: int, neurons: int, itemsize: int) -> float:
    """Memory of the counts of a run, of their gradients, and of what is combined from these.

    Parameters
    ----------
    trials, bins, neurons : shape of the counts.
    itemsize : bytes of a number.
    """
    return 4 * trials * bins * neurons * itemsize / 2**20


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
        limit, used = (int((CGROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
        found.append((limit - used + _reclaimable()) / 2**20)
    except (OSError, ValueError):
        pass  # another system, or no limit
    return min(found)


def _reclaimable() -> int:
    """Bytes of files in memory that give way, which count as used in a container."""
    lines = (CGROUP / "memory.stat").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))
