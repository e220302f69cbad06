"""From the label in the file to the area of the model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np

from spiketwin.config import AreaMap
from spiketwin.errors import SpiketwinError

UNASSIGNED = frozenset(
    {"", "root", "grey", "gray", "void", "nan", "none", "unknown", "n/a", "na", "null", "out",
     "outside", "unlabeled", "unassigned", "fiber tracts"}
)  # fmt: skip
"""Labels (lower case) that name no area."""


def plain_label(label: str) -> str:
    """The area in a label; labels that are JSON objects name it as ``brain_regions``."""
    if not label.startswith("{"):
        return label
    try:
        return str(json.loads(label).get("brain_regions", label)).strip()
    except ValueError:
        return label


def model_areas(labels: Sequence[str], areas: AreaMap, notes: list[str]) -> np.ndarray:
    """Model area of every unit, "" where its label leads nowhere.

    Parameters
    ----------
    labels : label of each unit in the file.
    areas : the map.
    notes : receives the labels that were dropped.

    Raises
    ------
    SpiketwinError
        When no unit has an area, or the map names no label of the file.
    """
    acronyms = [areas.ccf.get(plain_label(label), plain_label(label)) for label in labels]
    found = [_area(acronym, areas) for acronym in acronyms]
    dropped = Counter(label or "''" for label, area in zip(labels, found, strict=True) if not area)
    if not any(found):
        listed = ", ".join(sorted(set(dropped)))
        raise SpiketwinError(
            f"no area: none of the labels is an area of the model (found: {listed}); change "
            "recordings.mapping.units.area or recordings.mapping.areas"
        )
    if dropped:
        listed = ", ".join(f"{label} ({n})" for label, n in sorted(dropped.items()))
        notes.append(f"units without an area of the model dropped: {listed}")
    return np.array(found)


def _area(acronym: str, areas: AreaMap) -> str:
    if areas.model is not None:
        return areas.model.get(acronym, "")
    return "" if acronym.lower() in UNASSIGNED else acronym
