"""The plot stage: tables in, one figure out as PDF and SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from matplotlib.figure import Figure

from spiketwin.config import Config
from spiketwin.errors import SpiketwinError
from spiketwin.figures.activity import activity
from spiketwin.figures.catalogue import available
from spiketwin.figures.connectivity import connectivity
from spiketwin.figures.covariances import covariances
from spiketwin.figures.currents import currents
from spiketwin.figures.distribution import distribution
from spiketwin.figures.embedding import embedding
from spiketwin.figures.jaw import jaw
from spiketwin.figures.outcomes import outcomes
from spiketwin.figures.perturbations import perturbations
from spiketwin.figures.rasters import rasters
from spiketwin.figures.rates import rates
from spiketwin.figures.scores import scores
from spiketwin.figures.screening import screening
from spiketwin.figures.source import Source
from spiketwin.figures.states import states
from spiketwin.figures.style import styled
from spiketwin.figures.training import training
from spiketwin.figures.variability import variability
from spiketwin.files import RunFiles, appearing

FIGURES: dict[str, Callable[[Source], Figure]] = {
    "scores": scores,
    "screening": screening,
    "rasters": rasters,
    "activity": activity,
    "distribution": distribution,
    "rates": rates,
    "outcomes": outcomes,
    "jaw": jaw,
    "states": states,
    "embedding": embedding,
    "variability": variability,
    "covariances": covariances,
    "training": training,
    "connectivity": connectivity,
    "currents": currents,
    "perturbations": perturbations,
}
"""What draws each figure of the catalogue."""

_NO_DATES: dict[str, dict[str, None]] = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
"""Metadata that would make two equal figures differ."""


def plot(config: Config, files: RunFiles, name: str) -> None:
    """Draw one figure of a run and write it as PDF and SVG; equal tables give equal files.

    Parameters
    ----------
    config, files : the run.
    name : one of `available(config)`.

    Raises
    ------
    SpiketwinError
        When there is no such figure, or a table it needs has not been made.
    """
    known = available(config)
    if name not in known:
        raise SpiketwinError(
            f"no figure {name!r} in run {config.run!r}; figures: {', '.join(known)}"
        )
    with styled():
        save_figure(FIGURES[name](Source(config, files)), files, name)


def save_figure(figure: Figure, files: RunFiles, name: str) -> None:
    """Write a figure as PDF and SVG."""
    for suffix, metadata in _NO_DATES.items():
        with appearing(files.figure(name, suffix)) as path:
            figure.savefig(path, format=suffix, metadata=metadata)


def plot_all(config: Config, files: RunFiles, names: Sequence[str], processes: int) -> None:
    """Draw some figures, several at a time (the drawing library is not made for threads)."""
    draw = partial(plot, config, files)
    if min(processes, len(names)) < 2:
        for name in names:
            draw(name)
        return
    with ProcessPoolExecutor(min(processes, len(names)), get_context("spawn")) as pool:
        for _ in pool.map(draw, names):
            pass
