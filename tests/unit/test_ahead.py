"""Kernels compiled in a second process."""

import os
import subprocess
import sys

from spiketwin.learning import ahead
from spiketwin.network.kernels import compiled


def test_the_second_process_compiles_all_but_the_simulation(tmp_path):
    subprocess.run(ahead.COMMAND, check=True, env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)})
    kernels = {path.name.split("-")[0] for path in tmp_path.rglob("*.nbi")}
    assert {"sampled.tile_back_sampled", "descent._descend"} <= kernels
    assert "forward.simulate" not in kernels


def test_it_starts_only_where_kernels_are_missing_and_is_waited_for(monkeypatch):
    started = []

    def popen(command, **files):
        started.append(
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.3)"], **files)
        )
        return started[-1]

    monkeypatch.setattr(ahead, "Popen", popen)
    monkeypatch.setattr(ahead, "on_disk", lambda kernel: True)
    ahead.compile_ahead()
    assert not started
    monkeypatch.setattr(ahead, "on_disk", lambda kernel: False)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    ahead.compile_ahead()
    assert started[0].poll() is None
    compiled.await_kernels()
    assert started[0].poll() == 0


def test_a_kernel_is_on_disk_after_its_first_call(monkeypatch, tmp_path):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))

    @compiled.compiled
    def double(x):
        return 2 * x

    assert not compiled.on_disk(double)
    assert double(3) == 6
    assert compiled.on_disk(double)
