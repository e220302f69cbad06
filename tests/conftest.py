"""What all tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is imported

import pytest

from spiketwin.config import Synthetic
from spiketwin.recording import synthesize


@pytest.fixture(autouse=True)
def _one_thread():
    """One thread, so that results do not depend on the machine."""
    network = sys.modules.get("spiketwin.network")
    if network is not None:
        network.set_threads(1)


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Folder of real recordings; named by the environment."""
    folder = os.environ.get("SPIKETWIN_RECORDINGS")
    if not folder or not Path(folder).exists():
        pytest.skip("no real recordings: set SPIKETWIN_RECORDINGS to their folder")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny_recordings(tmp_path_factory) -> Path:
    """Three artificial sessions with a jaw, 20 units and 30 trials each."""
    folder = tmp_path_factory.mktemp("recordings") / "tiny"
    synthesize(Synthetic(name="tiny", sessions=3, units=20, trials=30, jaw=True), folder)
    return folder
