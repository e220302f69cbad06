"""Stitching: which recorded unit each model neuron stands for.

Sessions with many candidate units come first. Neurons are visited in order (excitatory ones first,
each type area by area); each takes a random unused unit of its area and type from the first session
that still has one (Sourmpis et al. 2023, code). No unit is used twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from spiketwin.config import Stitching
from spiketwin.errors import SpiketwinError
from spiketwin.randomness import numpy_generator
from spiketwin.trials.trialset import Trials, TrialSet

TYPES = ("excitatory", "inhibitory")


@dataclass(frozen=True)
class Stitched:
    """Trials restricted to the stitched units, and notes on what was decided."""

    trials: Trials
    notes: tuple[str, ...]


def stitch(sets: Sequence[TrialSet], stitching: Stitching) -> Stitched:
    """Choose the units that the model neurons stand for.

    Raises
    ------
    SpiketwinError
        When an area has fewer units than neurons are asked for.
    """
    notes: list[str] = []
    candidates = _candidates(sets, stitching)
    candidates = _typed(candidates, stitching, notes)
    wanted = _wanted(candidates, stitching)
    table = _choose(candidates, wanted, numpy_generator(stitching.seed, "stitching"))
    used = []
    for session in sets:
        mine = table[table["session"] == session.session]
        if len(mine):
            used.append(_restricted(session, mine))
        else:
            notes.append(f"{session.session}: no unit is used")
    return Stitched(Trials(tuple(used), table), tuple(notes))


def _candidates(sets: Sequence[TrialSet], stitching: Stitching) -> pd.DataFrame:
    """Units of all sessions within the rate limits, large sessions first."""
    parts = []
    for order, session in enumerate(sets):
        units = session.units.assign(session=session.session, row=np.arange(len(session.units)))
        rate = units["rate_hz"]
        inside = (rate >= stitching.min_rate_hz) & (rate <= stitching.max_rate_hz)
        parts.append(units[inside].assign(order=order, size=int(inside.sum())))
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        raise SpiketwinError(
            f"no unit fires between trials.stitching.min_rate_hz {stitching.min_rate_hz:g} and "
            f"max_rate_hz {stitching.max_rate_hz:g} Hz"
        )
    return table.sort_values(["size", "order", "row"], ascending=[False, True, True])


def _typed(table: pd.DataFrame, stitching: Stitching, notes: list[str]) -> pd.DataFrame:
    """Unknown types: the units of the highest rates of each area count as inhibitory."""
    types = table["cell_type"].to_numpy(dtype=object).copy()
    unknown = ~np.isin(types, TYPES)
    for area in dict.fromkeys(table["area"]):
        rows = np.flatnonzero(unknown & (table["area"] == area).to_numpy())
        if not len(rows):
            continue
        inhibitory = _share(len(rows), "inhibitory", stitching) if len(rows) > 1 else 0
        ranked = rows[np.argsort(-table["rate_hz"].to_numpy()[rows], kind="stable")]
        types[ranked] = "excitatory"
        types[ranked[:inhibitory]] = "inhibitory"
        notes.append(
            f"{area}: {len(rows)} units of unknown type; the {inhibitory} with the highest rates "
            "count as inhibitory"
        )
    return table.assign(cell_type=types.astype(str))


def _wanted(table: pd.DataFrame, stitching: Stitching) -> dict[tuple[str, str], int]:
    """Neurons wanted of each (type, area); area after area, excitatory first."""
    number = stitching.neurons_per_area
    areas = list(number) if isinstance(number, dict) else sorted(set(table["area"]))
    wanted = {}
    for area in areas:
        for kind in TYPES:
            there = int(((table["area"] == area) & (table["cell_type"] == kind)).sum())
            asked = number[area] if isinstance(number, dict) else number
            wanted[kind, area] = there if asked == "all" else _share(asked, kind, stitching)
    _check(table, wanted)
    return wanted


def _share(asked: int, kind: str, stitching: Stitching) -> int:
    """Neurons of a kind among so many; at least one is inhibitory."""
    excitatory = min(int(stitching.excitatory_fraction * asked + 1e-9), asked - 1)
    return excitatory if kind == "excitatory" else asked - excitatory


def _check(table: pd.DataFrame, wanted: dict[tuple[str, str], int]) -> None:
    areas = ", ".join(sorted(set(table["area"])))
    for (kind, area), asked in wanted.items():
        mine = table[table["area"] == area]
        there = int((mine["cell_type"] == kind).sum())
        if mine.empty:
            raise SpiketwinError(
                f"no unit is of area {area!r}, which trials.stitching.neurons_per_area names; "
                f"areas: {areas}"
            )
        if there < asked:
            raise SpiketwinError(
                f"area {area!r} has {there} {kind} units, {asked} neurons are asked for; lower "
                "trials.stitching.neurons_per_area (or say 'all'), or change excitatory_fraction; "
                f"areas: {areas}"
            )


def _choose(
    table: pd.DataFrame, wanted: dict[tuple[str, str], int], generator: np.random.Generator
) -> pd.DataFrame:
    chosen: list[pd.DataFrame] = []
    for (kind, area), asked in wanted.items():
        group = table[(table["area"] == area) & (table["cell_type"] == kind)]
        missing = asked
        for _, session in group.groupby("session", sort=False):
            picked = session.iloc[generator.permutation(len(session))[:missing]]
            missing -= len(picked)
            chosen.append(picked)
    columns = ["area", "cell_type", "session", "unit", "rate_hz", "row"]
    stitched = pd.concat([part[columns] for part in chosen], ignore_index=True)
    stitched.insert(0, "neuron", np.arange(len(stitched)))
    return stitched


def _restricted(session: TrialSet, mine: pd.DataFrame) -> TrialSet:
    """The session with its stitched units only, in the order of the neurons."""
    rows = mine["row"].to_numpy()
    units = session.units.iloc[rows].reset_index(drop=True)
    units = units.assign(
        neuron=mine["neuron"].to_numpy(), cell_type=mine["cell_type"].to_numpy(dtype=str)
    )
    return replace(session, counts=session.counts[:, :, rows], units=units)
