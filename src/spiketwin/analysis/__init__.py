"""Analysis: trials and simulations -> tidy tables."""

from spiketwin.analysis.screening import screen, verdict
from spiketwin.analysis.tables import analyse
from spiketwin.analysis.tracking import analyse_targets

__all__ = ["analyse", "analyse_targets", "screen", "verdict"]
