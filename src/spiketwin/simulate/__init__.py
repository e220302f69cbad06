"""Simulated trials of fitted models."""

from spiketwin.simulate.recordings import simulate, simulate_trials
from spiketwin.simulate.targets import simulate_targets

__all__ = ["simulate", "simulate_targets", "simulate_trials"]
