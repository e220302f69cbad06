"""Fitted connections between areas and cell types.

To be seen: which populations drive which; excitatory columns are positive and inhibitory ones
negative (Dale's law), inhibition stays inside its area where the network is built so.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from spiketwin.figures.layout import page, panels, say, shortened, wrapped
from spiketwin.figures.palette import Palette
from spiketwin.figures.source import Source
from spiketwin.figures.style import WIDTH

COLUMNS = 3
TYPES = {"excitatory": "E", "inhibitory": "I"}


def connectivity(source: Source) -> Figure:
    """A heat map per model, one colour scale.

    Parameters
    ----------
    source : run with table ``connectivity``.

    Returns
    -------
    figure.
    """
    palette, table = source.palette, source.shown("connectivity")
    models = palette.order(table["model"])
    columns = min(COLUMNS if table["source_area"].nunique() < 4 else 2, max(len(models), 1))
    rows = -(-max(len(models), 1) // columns)
    figure = page(0.4 + rows * min(WIDTH / columns, 3.2))
    axes = panels(figure, rows, columns)
    if table.empty:
        say(axes[0, 0], "no connections")
        return figure
    limit = float(table["mean_weight"].abs().max()) or 1.0
    for panel, model in zip(axes.ravel(), models, strict=False):
        image = heat_map(panel, table[table["model"] == model], limit, palette)
        panel.set_title(wrapped(model, 26), color=palette.contender(model), fontweight="bold")
        panel.set_xlabel("from")
    for panel in axes.ravel()[len(models) :]:
        panel.axis("off")
    for panel in axes[:, 0]:
        panel.set_ylabel("to")
    figure.colorbar(image, ax=axes, label="mean weight", shrink=0.7, aspect=25)
    return figure


def heat_map(axes: Axes, rows: pd.DataFrame, limit: float, palette: Palette) -> AxesImage:
    """Mean weight from each population (column) to each population (row).

    Parameters
    ----------
    axes : where.
    rows : rows of table ``connectivity`` of one model and seed.
    limit : largest absolute value of the colour scale.
    palette : order of the areas.

    Returns
    -------
    the image, for a colour bar.
    """
    populations = _populations(rows, palette)
    matrix = _matrix(rows, populations)
    image = axes.imshow(matrix, cmap="RdBu_r", vmin=-limit, vmax=limit)
    names = [f"{shortened(area, 14)} {TYPES.get(kind, kind)}" for area, kind in populations]
    turn = 0 if max(map(len, names)) < 6 and len(names) <= 6 else 90
    axes.set_xticks(range(len(names)), names, rotation=turn)
    axes.set_yticks(range(len(names)), names)
    axes.set_facecolor("#d9d9d9")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return image


def _populations(rows: pd.DataFrame, palette: Palette) -> list[tuple[str, str]]:
    areas = palette.order_areas([*rows["source_area"], *rows["target_area"]])
    kinds = sorted({*rows["source_type"], *rows["target_type"]})
    found = {*zip(rows["source_area"], rows["source_type"], strict=True)}
    found |= {*zip(rows["target_area"], rows["target_type"], strict=True)}
    return [(area, kind) for area in areas for kind in kinds if (area, kind) in found]


def _matrix(rows: pd.DataFrame, populations: list[tuple[str, str]]) -> np.ndarray:
    """Weights (to, from); NaN (grey) where there is no connection."""
    place = {population: k for k, population in enumerate(populations)}
    matrix = np.full((len(place), len(place)), np.nan)
    for row in rows[rows["share_nonzero"] > 0].itertuples():
        target = place[(str(row.target_area), str(row.target_type))]
        matrix[target, place[(str(row.source_area), str(row.source_type))]] = row.mean_weight
    return matrix
