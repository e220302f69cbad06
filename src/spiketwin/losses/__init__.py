"""Losses: how far simulated trials are from recorded ones."""

from spiketwin.losses.combine import GradientSizes, combine
from spiketwin.losses.matching import TRIAL_DISTANCES, energy
from spiketwin.losses.neuron import neuron_loss
from spiketwin.losses.targets import (
    RateTarget,
    SessionTarget,
    Targets,
    rate_target,
    session_targets,
)
from spiketwin.losses.trial import trial_loss

__all__ = [
    "TRIAL_DISTANCES",
    "GradientSizes",
    "RateTarget",
    "SessionTarget",
    "Targets",
    "combine",
    "energy",
    "neuron_loss",
    "rate_target",
    "session_targets",
    "trial_loss",
]
