"""Which figures there are; needs no drawing library, so that a workflow can ask quickly."""

from __future__ import annotations

from spiketwin.config import Config, TargetRun

NAMES = (
    "scores",
    "screening",
    "rasters",
    "activity",
    "distribution",
    "rates",
    "outcomes",
    "jaw",
    "states",
    "embedding",
    "variability",
    "covariances",
    "training",
    "connectivity",
    "currents",
    "perturbations",
)
"""Every figure, in the order of the report."""


def available(config: Config) -> list[str]:
    """Names of the figures of a run: those that it has anything for.

    Parameters
    ----------
    config : the run's configuration.
    """
    missing: set[str] = set()
    if not config.recordings.mapping.behaviour:
        missing |= {"jaw", "states"}
    if not config.gradient_models:
        missing |= {"connectivity", "currents"}
    if not config.analysis.perturbations:
        missing.add("perturbations")
    return [name for name in NAMES if name not in missing]


def target_figures(run: TargetRun) -> list[str]:
    """Names of the figures of a run on given targets."""
    analysis, named = run.analysis, bool(run.named)
    asked = {
        "learning": named,
        "recall": named,
        "trajectories": True,
        "lesions": named and bool(analysis.deleted or analysis.shuffled),
        "divergence": named and analysis.divergence,
        "sweeps": bool(run.sweeps),
    }
    return [name for name, there in asked.items() if there]
