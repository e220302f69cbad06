"""Which colour, which order: the one place that fixes them for every figure.

Data are black, models coloured, references muted. The palettes are colour-blind safe (models:
Okabe & Ito; areas and outcomes: Paul Tol's muted and bright schemes).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
MODEL_COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
    "#332288", "#661100", "#b2df8a", "#f0e442", "#999933", "#882255",
    "#117733", "#ee8866", "#aa4499", "#77aadd", "#44bb99", "#bbcc33",
)  # fmt: skip
"""Okabe & Ito, then some of Tol's: one for each of the variants of figure 2."""
AREA_COLOURS = ("#332288", "#44aa99", "#882255", "#999933", "#117733", "#aa4499", "#6699cc")
OUTCOME_COLOURS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#aa3377", "#66ccee", "#777777")
MARKERS = ("o", "^", "s", "D", "v", "P", "X")


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
