"""The recurrent spiking network: architecture, parameters, simulation."""

from spiketwin.network.choice import engine_of
from spiketwin.network.device import on_device
from spiketwin.network.inputs import Stimulation, stimulate
from spiketwin.network.memory import memory_available_mb
from spiketwin.network.network import (
    Network,
    Parameters,
    bounds,
    build,
    clip,
    float_tensor,
)
from spiketwin.network.perturbation import perturbation_current
from spiketwin.network.prepared import projection
from spiketwin.network.run import Activity, Run, behaviour, even_bins, not_finite, observed, run
from spiketwin.network.store import load_network, save_network
from spiketwin.network.threads import set_threads

__all__ = [
    "Activity",
    "Network",
    "Parameters",
    "Run",
    "Stimulation",
    "behaviour",
    "bounds",
    "build",
    "clip",
    "engine_of",
    "even_bins",
    "float_tensor",
    "load_network",
    "memory_available_mb",
    "not_finite",
    "observed",
    "on_device",
    "perturbation_current",
    "projection",
    "run",
    "save_network",
    "set_threads",
    "stimulate",
]
