"""What figures are drawn from: the tidy tables of a run and the histories of its fits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from spiketwin.config import Config
from spiketwin.figures.palette import Palette
from spiketwin.files import RunFiles, read_or_explain


@dataclass(frozen=True)
class Source:
    """A run, seen by the figures.

    Attributes
    ----------
    config, files : the run.
    """

    config: Config
    files: RunFiles

    def table(self, name: str) -> pd.DataFrame:
        """A tidy table of the run.

        Raises
        ------
        SpiketwinError
            When the table has not been made.
        """
        return read_or_explain(pd.read_parquet, self.files.table(name), "analyse")

    def shown(self, name: str) -> pd.DataFrame:
        """Rows of a table for data and references, and for models with the first seed only.

        Single trials of several seeds on top of each other cannot be read.
        """
        table = self.table(name)
        column = "contender" if "contender" in table else "model"
        keep = (table["seed"] == self.config.seeds[0]) | ~table[column].isin(self.palette.models)
        return table[keep]

    def histories(self) -> pd.DataFrame:
        """Histories of all fits below each other, with columns ``contender`` and ``seed``."""
        found = [
            read_or_explain(
                pd.read_parquet, self.files.fit(model, seed) / "history.parquet", "fit"
            ).assign(contender=model, seed=seed)
            for model in self.config.models
            for seed in self.config.seeds
        ]
        return pd.concat(found, ignore_index=True)

    @cached_property
    def palette(self) -> Palette:
        """Colours and order, the same in every figure of the run."""
        activity = self.table("activity")
        outcomes = [name for name in activity["outcome"].unique() if name != "all"]
        return Palette(
            models=tuple(self.config.models),
            areas=tuple(activity["area"].unique()),
            outcomes=tuple(outcomes),
        )
