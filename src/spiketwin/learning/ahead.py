"""Compiling in two processes, when kernels have never been compiled.

A process compiles one kernel at a time. A second one takes the kernels of the loss, of the backward
pass and of the optimiser (`warmup.step_without_simulation`) while the first is busy with the
simulation, and leaves them on disk; whoever needs a kernel first compiles it, the other waits for
it (`kernels.compiled`).
"""

from __future__ import annotations

import os
import sys
from subprocess import DEVNULL, Popen

from spiketwin.network.kernels.compiled import on_disk
from spiketwin.network.kernels.sampled import tile_back_sampled

COMMAND = (sys.executable, "-m", "spiketwin.learning.warmup")
_STARTED: list[Popen[bytes]] = []
"""Kept: Python warns about a running process that nobody holds."""


def compile_ahead() -> None:
    """Start the second process, if there is something to compile and a processor for it."""
    if (os.cpu_count() or 1) > 1 and not on_disk(tile_back_sampled):
        _STARTED.append(Popen(COMMAND, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL))
