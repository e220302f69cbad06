"""Losses: how far simulated trials are from recorded ones."""

from spiketwin.losses.adversarial import GANS, Adversary, adversary_of
from spiketwin.losses.combine import Combined, GradientSizes, SpikeGradients, combine
from spiketwin.losses.dispersion import dispersion_loss
from spiketwin.losses.groups import Groups, groups_of
from spiketwin.losses.matching import energy
from spiketwin.losses.neuron import neuron_loss
from spiketwin.losses.outcomes import OutcomeTargets, outcome_loss, outcome_targets
from spiketwin.losses.rates import RateTarget, rate_target
from spiketwin.losses.signals import SignalTargets, signal_targets
from spiketwin.losses.targets import TrialTargets, trial_targets
from spiketwin.losses.trial import trial_loss

__all__ = [
    "GANS",
    "Adversary",
    "Combined",
    "GradientSizes",
    "Groups",
    "OutcomeTargets",
    "RateTarget",
    "SignalTargets",
    "SpikeGradients",
    "TrialTargets",
    "adversary_of",
    "combine",
    "dispersion_loss",
    "energy",
    "groups_of",
    "neuron_loss",
    "outcome_loss",
    "outcome_targets",
    "rate_target",
    "signal_targets",
    "trial_loss",
    "trial_targets",
]
