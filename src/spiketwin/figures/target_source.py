"""What the figures of a run on given targets see of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import pandas as pd

from spiketwin.config import TargetRun
from spiketwin.figures.palette import Palette
from spiketwin.files import RunFiles, read_or_explain


@dataclass(frozen=True)
class TargetSource:
    """A run on given targets, seen by its figures."""

    run: TargetRun
    files: RunFiles

    def table(self, name: str) -> pd.DataFrame:
        """A table of the run."""
        return read_or_explain(pd.read_parquet, self.files.table(name), "analyse")

    @property
    def palette(self) -> Palette:
        """Colours of the models."""
        return Palette(tuple(self.run.named), areas=(), outcomes=())

    def histories(self) -> pd.DataFrame:
        """Histories of all fits of named models, with the correlation that selects."""
        found = [
            read_or_explain(
                pd.read_parquet, self.files.fit(model, seed) / "history.parquet", "fit"
            ).assign(contender=model, seed=seed)
            for model, seed in product(self.run.named, self.run.seeds)
        ]
        table = pd.concat(found, ignore_index=True)
        return table.assign(correlation=1 - table["held_out"])
