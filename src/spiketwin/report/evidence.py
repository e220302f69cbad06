"""What a verdict rests on."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from spiketwin.analysis.screening import MATCHABLE
from spiketwin.config import Config
from spiketwin.report.scoreboard import Scoreboard


@dataclass(frozen=True)
class Evidence:
    """Tables a verdict rests on; `prediction` is empty without behaviour.

    Attributes
    ----------
    config : the run's configuration.
    scores : table ``scores``, asked by name.
    outcomes, prediction, screening : tables of these names.
    warnings : sentences of the fits, per model.
    """

    config: Config
    scores: Scoreboard
    outcomes: pd.DataFrame
    prediction: pd.DataFrame
    screening: pd.DataFrame
    warnings: dict[str, list[str]]

    @property
    def matchable(self) -> pd.Series:
        """Per session, whether screening found something to match (index: session)."""
        rows = self.screening[self.screening["quantity"] == MATCHABLE]
        return rows.set_index("session")["value"] > 0

    @property
    def nothing_to_match(self) -> bool:
        """Neither in a session nor in the mean over sessions are trivial models told apart."""
        scales = self.scores.scales("energy distance")
        apart = [scale for scale in scales if not self.scores.nothing_to_match(scale)]
        return bool(scales) and not apart and not self.matchable.any()
