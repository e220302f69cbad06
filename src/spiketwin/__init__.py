"""spiketwin: fit a spiking twin to your recording."""

from spiketwin.errors import SpiketwinError

__version__ = "0.1.0"
__all__ = ["SpiketwinError", "__version__"]
