"""Learning: how the parameters of a network change until it reproduces the trials."""

from spiketwin.learning.fit import fit
from spiketwin.learning.protocol import FitState, Fitter, Record
from spiketwin.learning.rls.fit import fit_targets

__all__ = ["FitState", "Fitter", "Record", "fit", "fit_targets"]
