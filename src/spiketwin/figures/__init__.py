"""Figures of a run, drawn from its tidy tables; the only room that imports matplotlib."""

from spiketwin.figures.gallery import FIGURES, available, plot
from spiketwin.figures.style import CEILING, DATA, REFERENCES, Palette

__all__ = ["CEILING", "DATA", "FIGURES", "REFERENCES", "Palette", "available", "plot"]
