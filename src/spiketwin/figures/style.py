"""How every figure looks: sizes for print, embedded fonts, files that are equal when tables are."""

from __future__ import annotations

from contextlib import AbstractContextManager

import matplotlib.style

WIDTH = 7.2
"""Width of a figure in inches (a printed page)."""

STYLE: dict[str, object] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "figure.titlesize": 7.5,
    "figure.labelsize": 7.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.titlepad": 4,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.1,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "spiketwin",
}


def styled() -> AbstractContextManager[None]:
    """The style, for as long as a figure is drawn and saved; a user's own settings wait outside."""
    return matplotlib.style.context(["default", STYLE])
