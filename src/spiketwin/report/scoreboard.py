"""The table of scores, asked by name."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from spiketwin.analysis.references import PER_CONDITION, PSTH, WITHOUT_SHARED, something_to_match
from spiketwin.figures import CEILING
from spiketwin.report.numbers import Measured

KEYS = ["score", "scale", "area", "grouping", "reference"]
"""What tells two scores of a contender apart."""
ALL_TRIALS = "all trials"
TRIVIAL = (PSTH, PER_CONDITION)
"""References that a skill is taken against."""


@dataclass(frozen=True)
class Scoreboard:
    """Means over sessions and seeds of every score.

    Attributes
    ----------
    table : table ``scores``.
    """

    table: pd.DataFrame

    @cached_property
    def overall(self) -> pd.DataFrame:
        """One row per contender and score: value, sd, seeds."""
        rows = self.table[self.table["session"] == "all"]
        groups = rows.groupby(["contender", *KEYS], sort=False)
        summary = groups.agg(
            value=("value", "mean"), within=("sd", "mean"), between=("value", "std"),
            seeds=("seed", "nunique"),
        )  # fmt: skip
        summary["sd"] = summary[["within", "between"]].max(axis=1)
        return summary[["value", "sd", "seeds"]].reset_index()

    def find(
        self,
        contender: str,
        score: str,
        scale: str = "",
        area: str = "",
        grouping: str = ALL_TRIALS,
        reference: str = "",
    ) -> Measured | None:
        """A score; None where there is none or it is not a number."""
        keep = self.overall["contender"] == contender
        for column, wanted in zip(KEYS, (score, scale, area, grouping, reference), strict=True):
            keep &= self.overall[column] == wanted
        found = self.overall[keep]
        if found.empty or not np.isfinite(found["value"].iloc[0]):
            return None
        row = found.iloc[0]
        return Measured(float(row["value"]), float(row["sd"]), int(row["seeds"]))

    def scales(self, score: str) -> list[str]:
        """Time scales at which a score was taken, the selecting one first."""
        return list(self.overall.loc[self.overall["score"] == score, "scale"].unique())

    def areas(self, score: str) -> list[str]:
        """Areas for which a score was taken."""
        areas = self.overall.loc[self.overall["score"] == score, "area"].unique()
        return [area for area in areas if area]

    def distance(self, contender: str, scale: str) -> Measured | None:
        """Energy distance over all trials."""
        return self.find(contender, "energy distance", scale)

    def floor(self, scale: str) -> float:
        """Two standard deviations of the ceiling: smaller energy distances are not told apart."""
        ceiling = self.distance(CEILING, scale)
        return 2 * ceiling.sd if ceiling and math.isfinite(ceiling.sd) else 0.0

    def at_ceiling(self, model: str, scale: str) -> bool:
        """Whether a model's distance lies within two standard deviations of the ceiling."""
        ours, ceiling = self.distance(model, scale), self.distance(CEILING, scale)
        if ours is None or ceiling is None:
            return False
        return ours.value <= ceiling.value + self.floor(scale)

    def times_larger(self, other: str, model: str, scale: str) -> tuple[float, bool] | None:
        """How many times larger an energy distance is, and whether the floor limits the answer.

        k = ED_other / max(ED_model, 2 s.d. of the ceiling).
        """
        theirs, ours = self.distance(other, scale), self.distance(model, scale)
        if theirs is None or ours is None:
            return None
        bound = max(ours.value, self.floor(scale))
        return (theirs.value / bound, ours.value < bound) if bound > 0 else None

    def beyond_trivial(self, model: str, scale: str) -> bool:
        """Whether a model is farther from the test trials than every simple model, clearly."""
        ours = self.distance(model, scale)
        trivial = [one.value for n in WITHOUT_SHARED if (one := self.distance(n, scale))]
        if ours is None or not trivial:
            return False
        return ours.value > max(trivial) + self.floor(scale)

    def nothing_to_match(self, scale: str) -> bool:
        """Whether a simple model is as near to the test trials as another half of the data is.

        The rule of the screening of a session, here for the mean over sessions.
        """
        found = {name: self.distance(name, scale) for name in (CEILING, *WITHOUT_SHARED)}
        return not something_to_match(
            {name: (one.value, one.sd) for name, one in found.items() if one}
        )
