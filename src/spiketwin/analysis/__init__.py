"""Analysis: trials and simulations -> tidy tables."""

from spiketwin.analysis.screening import screen, verdict
from spiketwin.analysis.tables import analyse

__all__ = ["analyse", "screen", "verdict"]
