"""Trials: recordings aligned, binned, split, stitched, and their features."""

from spiketwin.trials.features import FeatureMap, psth, window_behaviour, window_matrix
from spiketwin.trials.store import load_run_trials, load_trials, save_trials
from spiketwin.trials.trialset import Trials, TrialSet

__all__ = [
    "FeatureMap",
    "TrialSet",
    "Trials",
    "load_run_trials",
    "load_trials",
    "psth",
    "save_trials",
    "window_behaviour",
    "window_matrix",
]
