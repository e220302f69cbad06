"""The recurrent spiking network: architecture, parameters, simulation."""

from spiketwin.network.description import read_description
from spiketwin.network.inputs import Stimulation, stimulate
from spiketwin.network.network import Network, Parameters, build, clip, float_tensor
from spiketwin.network.prepared import projection
from spiketwin.network.run import Activity, Run, behaviour, engine_of, even_bins, not_finite, run
from spiketwin.network.store import load_network, save_network

__all__ = [
    "Activity",
    "Network",
    "Parameters",
    "Run",
    "Stimulation",
    "behaviour",
    "build",
    "clip",
    "engine_of",
    "even_bins",
    "float_tensor",
    "load_network",
    "not_finite",
    "projection",
    "read_description",
    "run",
    "save_network",
    "stimulate",
]
