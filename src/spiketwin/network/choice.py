"""Which engine runs a network."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple

from spiketwin.errors import SpiketwinError
from spiketwin.network.network import Network
from spiketwin.network.spikes import RATE


class Engine(NamedTuple):
    """An engine and why it was taken.

    Attributes
    ----------
    name : "numba" (compiled kernels, CPU), "triton" (the same for NVIDIA cards), or "torch" (the
        plain loop, anywhere).
    why : one sentence.
    """

    name: str
    why: str

    @property
    def compiled(self) -> bool:
        """Whether compiled kernels do the work; the plain loop takes several times as long."""
        return self.name != "torch"

    def __str__(self) -> str:
        return f"{self.name} ({self.why})"


def engine_of(network: Network) -> Engine:
    """The engine that is asked for, or the fastest one that the device and the network allow.

    Raises
    ------
    SpiketwinError
        When the engine that is asked for cannot run the network.
    """
    asked, device = network.config.engine, network.sign.device.type
    if asked == "torch":
        return Engine("torch", "network.engine asks for it")
    fast = {"cpu": "numba", "cuda": "triton"}.get(device, "torch")
    missing = _missing(network, fast)
    if asked not in ("auto", fast) or (asked == fast and missing):
        reason = missing or f"the network is on {device!r}"
        raise SpiketwinError(f"network.engine {asked} cannot run here: {reason}; say auto")
    if missing:
        return Engine("torch", f"not {fast}: {missing}")
    return Engine(fast, f"fastest on {device}")


def _missing(network: Network, fast: str) -> str:
    """What keeps the fast engine from running the network; empty if nothing does."""
    if network.config.spike_function == RATE:
        return "neurons that send rates have no events"
    if fast != "triton":
        return ""
    if find_spec("triton") is None:
        return "the package triton is not installed"
    if network.config.adaptation:
        return "it knows no adaptive thresholds"
    return ""
