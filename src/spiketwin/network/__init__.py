"""The recurrent spiking network: architecture, parameters, simulation."""

from spiketwin.network.description import read_description
from spiketwin.network.inputs import Stimulation, stimulate
from spiketwin.network.network import Network, Parameters, build, clip
from spiketwin.network.run import Activity, Observation, observe, run
from spiketwin.network.simulation import SHARED, Simulation
from spiketwin.network.store import load_network, save_network

__all__ = [
    "SHARED",
    "Activity",
    "Network",
    "Observation",
    "Parameters",
    "Simulation",
    "Stimulation",
    "build",
    "clip",
    "load_network",
    "observe",
    "read_description",
    "run",
    "save_network",
    "stimulate",
]
