"""The run at a glance: energy distance, dispersion and trial-averaged rates of every contender.

To be seen: a fitted model's energy distance lies near the ceiling (grey band: other half of the
data, two standard deviations) and far below that of the trivial models; its variance ratio is in
the band around one, and its PSTHs agree with the data's as well as another half of the data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from spiketwin.analysis.references import PER_CONDITION, PSTH, something_to_match
from spiketwin.figures.layout import page, panels, round_numbers, say, spread_of, stack, wrapped
from spiketwin.figures.palette import CEILING, DATA, GUIDE, REFERENCES, Palette
from spiketwin.figures.source import Source

SKILL_REFERENCES = (PSTH, PER_CONDITION)
VARIANCE_RATIO = (0.9, 1.1)
"""Variance ratios that need no warning."""


def scores(source: Source) -> Figure:
    """Energy distance at every time scale above; dispersion and PSTHs below.

    Parameters
    ----------
    source : run with table ``scores``.

    Returns
    -------
    figure.
    """
    palette, table = source.palette, source.table("scores")
    table = table[(table["session"] == "all") & (table["contender"] != DATA)]
    distance = _of(table, "energy distance")
    scales = list(distance["scale"].unique())
    contenders = palette.order([*palette.models, *distance["contender"]])
    height = 0.75 + 0.2 * len(contenders)
    figure = page(2 * height + 0.3)
    upper, lower = stack(figure, [1, 1])
    axes = panels(upper, 1, len(scales), sharey="all")[0]
    for panel, scale in zip(axes, scales, strict=False):
        skill = _of(table, "energy distance skill")
        chosen = distance[distance["scale"] == scale], skill[skill["scale"] == scale]
        energy_distance(panel, *chosen, contenders, palette)
        panel.set_title(f"energy distance, {scale}", fontweight="bold", loc="left")
    if not scales:
        say(axes[0], "no area has enough units for single-trial scores")
    _second_row(panels(lower, 1, 2, sharey="all")[0], table, contenders, palette)
    return figure


def energy_distance(
    axes: Axes, rows: pd.DataFrame, skill: pd.DataFrame, contenders: list[str], palette: Palette
) -> Axes:
    """Energy distance of each contender on a symmetric logarithmic axis, skill written beside it.

    Parameters
    ----------
    axes : where.
    rows, skill : rows of table ``scores``: the distance and its skill, one time scale.
    contenders : names from top to bottom.
    palette : colours of the contenders.
    """
    ceiling = rows[rows["contender"] == CEILING]
    floor = _floor(ceiling)
    axes.set_xscale("symlog", linthresh=floor, linscale=0.6)
    if len(ceiling):
        middle = float(ceiling["value"].mean())
        axes.axvspan(middle - floor, middle + floor, color="#e6e6e6", linewidth=0, zorder=0)
    dots(axes, rows, contenders, palette)
    axes.axvline(0, color=GUIDE, linewidth=0.6, zorder=0)
    skill = skill if _matchable(rows) else skill.iloc[:0]
    for at, name in enumerate(contenders):
        _write_skill(axes, at, skill[skill["contender"] == name])
    axes.text(1.01, -0.75, "skill", color="#666666", **_beside(axes))
    _ticks(axes, rows, floor)
    return axes


def dots(axes: Axes, rows: pd.DataFrame, contenders: list[str], palette: Palette) -> Axes:
    """A row per contender: one dot per seed with one standard deviation.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``scores`` of one score.
    contenders : names from top to bottom.
    palette : colours of the contenders.
    """
    for at, name in enumerate(contenders):
        part = rows[rows["contender"] == name]
        places = at + spread_of(len(part), 0.5)
        axes.errorbar(
            part["value"], places, xerr=part["sd"].fillna(0), fmt="o", elinewidth=0.9, label=name,
            markersize=5 if name in palette.models else 4, color=palette.contender(name),
        )  # fmt: skip
    axes.set_yticks(range(len(contenders)), [_label(name) for name in contenders])
    axes.set_ylim(len(contenders) - 0.5, -0.5)
    for label, name in zip(axes.yaxis.get_ticklabels(), contenders, strict=False):
        label.set_fontweight("bold" if name in palette.models else "normal")
    axes.grid(axis="y", color="#efefef", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    return axes


def variance_ratio(axes: Axes, rows: pd.DataFrame, contenders: list[str], palette: Palette) -> Axes:
    """Single-trial variance over the recorded one: pooled as dots, areas as small marks.

    Parameters
    ----------
    axes : where.
    rows : rows of table ``scores`` of the variance ratio, pooled (area "") and per area.
    contenders : names from top to bottom.
    palette : colours of contenders and areas.
    """
    axes.axvspan(*VARIANCE_RATIO, color="#e6e6e6", linewidth=0, zorder=0)
    axes.axvline(1, color=GUIDE, linewidth=0.6, zorder=0)
    dots(axes, rows[rows["area"] == ""], contenders, palette)
    for at, name in enumerate(contenders):
        part = rows[(rows["contender"] == name) & (rows["area"] != "")]
        colours = [palette.area(area) for area in part["area"]]
        axes.scatter(part["value"], np.full(len(part), at + 0.3), c=colours, s=14, marker="|")
    axes.set_xlim(left=0)
    return axes


def _second_row(
    axes: np.ndarray, table: pd.DataFrame, contenders: list[str], palette: Palette
) -> None:
    ratio = _of(table, "variance ratio", pooled=False)
    variance_ratio(axes[0], ratio[ratio["scale"] == _first(ratio["scale"])], contenders, palette)
    title = f"single-trial variance / data, {_first(ratio['scale'])}"
    axes[0].set_title(title, fontweight="bold", loc="left")
    dots(axes[1], _of(table, "PSTH correlation"), contenders, palette)
    axes[1].set_title("PSTH correlation", fontweight="bold", loc="left")
    ceiling = _of(table, "PSTH correlation")
    for value in ceiling.loc[ceiling["contender"] == CEILING, "value"]:
        axes[1].axvline(value, color=GUIDE, linewidth=0.8, linestyle=(0, (3, 2)), zorder=0)


def _of(table: pd.DataFrame, score: str, pooled: bool = True) -> pd.DataFrame:
    """Rows of one score over all trials."""
    keep = (table["score"] == score) & table["grouping"].isin(["all trials", ""])
    return table[keep & (table["area"] == "")] if pooled else table[keep]


def _first(values: pd.Series) -> str:
    return str(values.iloc[0]) if len(values) else ""


def _floor(ceiling: pd.DataFrame) -> float:
    """Two standard deviations of the ceiling, half the width of its band."""
    spread = float(ceiling["sd"].max()) if len(ceiling) else np.nan
    return 2 * spread if np.isfinite(spread) and spread > 0 else 1e-3


def _matchable(rows: pd.DataFrame) -> bool:
    means = rows.groupby("contender")[["value", "sd"]].mean()
    return something_to_match(
        {str(name): (float(v), float(sd)) for name, v, sd in means.itertuples()}
    )


def _label(name: str) -> str:
    return f"{name} (ceiling)" if name == CEILING else wrapped(name, 36)


def _write_skill(axes: Axes, at: int, rows: pd.DataFrame) -> None:
    if rows.empty or rows["contender"].iloc[0] in REFERENCES:
        return
    means = rows.groupby("reference")["value"].mean()
    texts = [f"{means[name]:.2f}" if name in means else "–" for name in SKILL_REFERENCES]
    axes.text(1.01, at, " / ".join(texts), **_beside(axes))


def _beside(axes: Axes) -> dict[str, Any]:
    """Text right of the panel, level with a row."""
    return {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 6.5}


def _ticks(axes: Axes, rows: pd.DataFrame, floor: float) -> None:
    """Zero and round numbers between the floor and the largest value."""
    values = rows["value"].to_numpy(dtype=float)
    finite = values[np.isfinite(values)]
    top = max(float(finite.max()), 2 * floor) if len(finite) else 10 * floor
    low = min(float(finite.min()), 0.0) if len(finite) else 0.0
    negative = [-floor] if low < -floor / 2 else []
    ticks = [*negative, 0.0, *round_numbers(floor, top)]
    axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
    axes.set_xlim(min(low * 1.5, -floor), top * 1.6)
