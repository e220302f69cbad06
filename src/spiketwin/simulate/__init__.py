"""Simulated trials of fitted models."""

from spiketwin.simulate.answer import perturbed_rates
from spiketwin.simulate.recordings import simulate, simulate_trials
from spiketwin.simulate.targets import simulate_targets

__all__ = ["perturbed_rates", "simulate", "simulate_targets", "simulate_trials"]
