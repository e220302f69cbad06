"""The typed configuration: the single source of every setting, its default and its meaning."""

from spiketwin.config.analysis import Analysis, Perturbation
from spiketwin.config.load import (
    Config,
    dump_config,
    merge,
    read_config,
    resolve,
    with_perturbations,
)
from spiketwin.config.models import GradientLearning, Losses, Model, NeuronLoss, TrialLoss
from spiketwin.config.network import InputGroup, Latent, Network, Readout
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
from spiketwin.config.trials import Features, Scale, Split, Stitching, TrialWindow

__all__ = [
    "Analysis",
    "AreaMap",
    "CellTypeColumn",
    "Config",
    "DelayedTask",
    "Features",
    "GradientLearning",
    "InputGroup",
    "Latent",
    "Losses",
    "Mapping",
    "Model",
    "Network",
    "NeuronLoss",
    "Perturbation",
    "Predicate",
    "Readout",
    "Recordings",
    "Scale",
    "SessionFile",
    "Split",
    "Stimulus",
    "Stitching",
    "Synthetic",
    "Trace",
    "TrialLoss",
    "TrialWindow",
    "TrialsMapping",
    "UnitsMapping",
    "WaveformWidth",
    "dump_config",
    "merge",
    "read_config",
    "resolve",
    "with_perturbations",
]
