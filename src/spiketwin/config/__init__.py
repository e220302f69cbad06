"""The typed configuration: the single source of every setting, its default and its meaning."""

from spiketwin.config.analysis import Analysis, Perturbation
from spiketwin.config.load import (
    Config,
    dump_config,
    read_config,
    read_run,
    resolve,
    resolve_targets,
)
from spiketwin.config.models import GradientLearning, Losses, Model, NeuronLoss, TrialLoss
from spiketwin.config.network import InputGroup, Latent, Network, Readout
from spiketwin.config.perturbations import with_perturbations
from spiketwin.config.rates import (
    BalancedNetwork,
    Cue,
    FilteredNetwork,
    Pattern,
    RateAnalysis,
    RateModel,
    RlsLearning,
    TargetRun,
)
from spiketwin.config.recordings import (
    AreaMap,
    CellTypeColumn,
    DelayedTask,
    Mapping,
    Predicate,
    Recordings,
    SessionFile,
    Stimulus,
    Synthetic,
    Trace,
    TrialsMapping,
    UnitsMapping,
    WaveformWidth,
)
from spiketwin.config.shared import merge
from spiketwin.config.sweeps import points, varied
from spiketwin.config.trials import Features, Scale, Split, Stitching, TrialWindow

__all__ = [
    "Analysis",
    "AreaMap",
    "BalancedNetwork",
    "CellTypeColumn",
    "Config",
    "Cue",
    "DelayedTask",
    "Features",
    "FilteredNetwork",
    "GradientLearning",
    "InputGroup",
    "Latent",
    "Losses",
    "Mapping",
    "Model",
    "Network",
    "NeuronLoss",
    "Pattern",
    "Perturbation",
    "Predicate",
    "RateAnalysis",
    "RateModel",
    "Readout",
    "Recordings",
    "RlsLearning",
    "Scale",
    "SessionFile",
    "Split",
    "Stimulus",
    "Stitching",
    "Synthetic",
    "TargetRun",
    "Trace",
    "TrialLoss",
    "TrialWindow",
    "TrialsMapping",
    "UnitsMapping",
    "WaveformWidth",
    "dump_config",
    "merge",
    "points",
    "read_config",
    "read_run",
    "resolve",
    "resolve_targets",
    "varied",
    "with_perturbations",
]
