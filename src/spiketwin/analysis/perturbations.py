"""What perturbations do to the trials of fitted models.

A perturbed trial has the stimuli and the random numbers of an unperturbed one, so that a difference
is the current's doing, or chaos that it set off.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from spiketwin.analysis.contenders import Contender, view_like
from spiketwin.analysis.outcomes import Readers, frequencies
from spiketwin.analysis.variability import activity
from spiketwin.config import Config
from spiketwin.files import RunFiles
from spiketwin.trials.simulation import load_simulation

NONE = "none"
"""Name of the unperturbed trials in the tables."""


def perturbation_tables(
    config: Config, files: RunFiles, readers: Readers
) -> dict[str, pd.DataFrame]:
    """Tables ``perturbed_outcomes`` and ``perturbed_activity``; none without perturbations."""
    outcomes, courses = [], []
    for name, contender in _perturbed(config, files, readers):
        outcomes.append(frequencies(contender, readers).assign(perturbation=name))
        course = activity(contender, readers)
        courses.append(course[course["outcome"] == "all"].assign(perturbation=name))
    if not outcomes:
        return {}
    frequency = pd.concat(outcomes, ignore_index=True)
    return {
        "perturbed_outcomes": _with_change(frequency),
        "perturbed_activity": pd.concat(courses, ignore_index=True).drop(columns="outcome"),
    }


def _perturbed(
    config: Config, files: RunFiles, readers: Readers
) -> Iterator[tuple[str, Contender]]:
    """Every model and seed, unperturbed first; one at a time to bound the memory."""
    names = [perturbation.name for perturbation in config.analysis.perturbations]
    for model in config.models:
        for seed in config.seeds:
            for name in [NONE, *names] if names else []:
                path = files.simulation(model, seed)
                if name != NONE:
                    path = files.perturbed(model, seed, name)
                simulation = load_simulation(path)
                views = {s.name: view_like(simulation, s) for s in readers.sessions}
                yield name, Contender(model, seed, views)


def _with_change(table: pd.DataFrame) -> pd.DataFrame:
    """Column ``change``: frequency minus that of the unperturbed trials."""
    keys = ["contender", "seed", "method", "outcome"]
    before = table[table["perturbation"] == NONE].set_index(keys)["frequency"]
    change = (
        table["frequency"].to_numpy()
        - before.reindex(pd.MultiIndex.from_frame(table[keys])).to_numpy()
    )
    return table.assign(change=change)
