"""Figures of a run, drawn from its tidy tables; the only room that imports matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spiketwin.figures.catalogue import available, target_figures
from spiketwin.figures.palette import CEILING, DATA, Palette

if TYPE_CHECKING:
    from spiketwin.figures.gallery import FIGURES, plot, plot_all
    from spiketwin.figures.targets import plot_targets

__all__ = [
    "CEILING",
    "DATA",
    "FIGURES",
    "Palette",
    "available",
    "plot",
    "plot_all",
    "plot_targets",
    "target_figures",
]


def __getattr__(name: str) -> Any:
    """Drawing is imported when it is asked for: a dry run of the workflow only needs the names."""
    if name == "plot_targets":
        from spiketwin.figures.targets import plot_targets

        return plot_targets
    if name in ("FIGURES", "plot", "plot_all"):
        from spiketwin.figures import gallery

        return getattr(gallery, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
