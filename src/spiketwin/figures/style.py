"""How every figure looks: one style, and one place that fixes the colours.

Data are black, models coloured, references muted. The palettes are colour-blind safe (models:
Okabe & Ito; areas and outcomes: Paul Tol's muted and bright schemes).
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass

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

DATA = "data"
CEILING = "other half of the data"
REFERENCES = {
    CEILING: "#4d4d4d",
    "trial shuffle": "#b3877a",
    "Poisson per condition, shared gain": "#9a86a8",
    "Poisson per condition": "#7f98a8",
    "PSTH-Poisson": "#b3a06b",
    "flat Poisson": "#b0b0b0",
}
"""References of every table, best first, and their colours."""

DATA_COLOUR = "#111111"
GUIDE = "#999999"
"""Lines that help to read a panel: zero, one, the event."""
MODEL_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
AREA_COLOURS = ("#332288", "#44aa99", "#882255", "#999933", "#117733", "#aa4499", "#6699cc")
OUTCOME_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#aa3377", "#66ccee", "#777777")
MARKERS = ("o", "^", "s", "D", "v", "P", "X")


def styled() -> AbstractContextManager[None]:
    """The style, for as long as a figure is drawn and saved; a user's own settings wait outside."""
    return matplotlib.style.context(["default", STYLE])


@dataclass(frozen=True)
class Palette:
    """Colours and order of contenders, areas and outcomes of a run.

    Attributes
    ----------
    models, areas, outcomes : names, in the order they are shown.
    """

    models: tuple[str, ...]
    areas: tuple[str, ...]
    outcomes: tuple[str, ...]

    def contender(self, name: str) -> str:
        """Colour of the data, a model or a reference."""
        if name == DATA:
            return DATA_COLOUR
        if name in self.models:
            return _pick(MODEL_COLOURS, self.models, name)
        return REFERENCES.get(name, GUIDE)

    def area(self, name: str) -> str:
        """Colour of an area."""
        return _pick(AREA_COLOURS, self.areas, name)

    def outcome(self, name: str) -> str:
        """Colour of an outcome; grey for all of them together."""
        return GUIDE if name == "all" else _pick(OUTCOME_COLOURS, self.outcomes, name)

    def marker(self, outcome: str) -> str:
        """Marker of an outcome, so that colour is not the only difference."""
        return _pick(MARKERS, self.outcomes, outcome)

    def order(self, names: Iterable[str]) -> list[str]:
        """Contenders as they are shown: data, models, references."""
        return _ordered((DATA, *self.models, *REFERENCES), names)

    def order_areas(self, names: Iterable[str]) -> list[str]:
        """Areas as they are shown."""
        return _ordered(self.areas, names)

    def order_outcomes(self, names: Iterable[str]) -> list[str]:
        """Outcomes as they are shown, all together first."""
        return _ordered(("all", *self.outcomes), names)


def _pick(choices: tuple[str, ...], names: tuple[str, ...], name: str) -> str:
    """The choice of a name; unknown names share the last one."""
    return choices[names.index(name) % len(choices)] if name in names else choices[-1]


def _ordered(known: tuple[str, ...], names: Iterable[str]) -> list[str]:
    """`names` without repeats, known ones first in their order."""
    present = list(dict.fromkeys(names))
    return [k for k in known if k in present] + [name for name in present if name not in known]
