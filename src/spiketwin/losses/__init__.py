"""Losses: how far simulated trials are from recorded ones."""

from spiketwin.losses.combine import Combined, GradientSizes, SpikeGradients, combine
from spiketwin.losses.matching import TRIAL_DISTANCES, energy
from spiketwin.losses.neuron import neuron_loss
from spiketwin.losses.targets import (
    Groups,
    RateTarget,
    SessionTarget,
    TrialTargets,
    groups_of,
    rate_target,
    trial_targets,
)
from spiketwin.losses.trial import trial_loss

__all__ = [
    "TRIAL_DISTANCES",
    "Combined",
    "GradientSizes",
    "Groups",
    "RateTarget",
    "SessionTarget",
    "SpikeGradients",
    "TrialTargets",
    "combine",
    "energy",
    "groups_of",
    "neuron_loss",
    "rate_target",
    "trial_loss",
    "trial_targets",
]
