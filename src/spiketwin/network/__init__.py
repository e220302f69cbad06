"""The recurrent spiking network: architecture, parameters, simulation."""

from spiketwin.network.description import read_description
from spiketwin.network.inputs import Stimulation, stimulate
from spiketwin.network.network import Network, Parameters, build, clip
from spiketwin.network.prepared import projection
from spiketwin.network.run import Activity, Run, behaviour, engine_of, even_bins, run
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
    "load_network",
    "projection",
    "read_description",
    "run",
    "save_network",
    "stimulate",
]
