"""Which figures there are; needs no drawing library, so that a workflow can ask quickly."""

from __future__ import annotations

from spiketwin.config import Config

NAMES = (
    "scores",
    "screening",
    "rasters",
    "activity",
    "distribution",
    "outcomes",
    "jaw",
    "embedding",
    "variability",
    "training",
    "connectivity",
)
"""Every figure, in the order of the report."""


def available(config: Config) -> list[str]:
    """Names of the figures of a run: the jaw only where behaviour is mapped.

    Parameters
    ----------
    config : the run's configuration.
    """
    behaviour = bool(config.recordings.mapping.behaviour)
    return [name for name in NAMES if name != "jaw" or behaviour]
