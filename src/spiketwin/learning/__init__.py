"""Learning: how the parameters of a network change until it reproduces the trials."""

from spiketwin.learning.fit import fit
from spiketwin.learning.rls.fit import fit_targets

__all__ = ["fit", "fit_targets"]
