"""Kernels compiled in a second process."""

import os
import subprocess

from spiketwin.learning import ahead
from spiketwin.network.kernels import compiled


def test_the_second_process_compiles_all_but_the_simulation(tmp_path):
    subprocess.run(ahead.COMMAND, check=True, env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)})
    kernels = {path.name.split("-")[0] for path in tmp_path.rglob("*.nbi")}
    assert {"sampled.tile_back_sampled", "descent._descend"} <= kernels
    assert "forward.simulate" not in kernels


def test_it_starts_only_where_kernels_are_missing(monkeypatch):
    started = []
    monkeypatch.setattr(ahead, "Popen", lambda command, **files: started.append(command))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(ahead, "on_disk", lambda kernel: True)
    ahead.compile_ahead()
    assert not started
    monkeypatch.setattr(ahead, "on_disk", lambda kernel: False)
    ahead.compile_ahead()
    assert started == [ahead.COMMAND]


def test_a_kernel_is_on_disk_after_its_first_call(monkeypatch, tmp_path):
    monkeypatch.setattr("numba.core.config.CACHE_DIR", str(tmp_path))

    @compiled.compiled
    def double(x):
        return 2 * x

    assert not compiled.on_disk(double)
    assert double(3) == 6
    assert compiled.on_disk(double)
