"""Score tables as the report shows them: contenders down, scores across, text in the cells."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from spiketwin.figures import CEILING, DATA, Palette
from spiketwin.report.numbers import MISSING, Measured, number, with_spread
from spiketwin.report.scoreboard import ALL_TRIALS, KEYS, TRIVIAL, Scoreboard

SECTIONS = {
    "Single trials": ("energy distance", "energy distance skill"),
    "Variability of single trials": ("variance ratio",),
    "Single neurons": (
        "PSTH correlation", "PSTH correlation / ceiling", "rate distribution distance",
        "Fano factor", "ISI CV",
    ),
    "Behaviour": ("behaviour energy distance", "behaviour energy distance skill"),
    "Matched scores (for comparison with the literature only)": (
        "matched squared error", "matched Pearson", "matched Pearson (published formula)",
        "matched Pearson, PSTH removed",
    ),
}  # fmt: skip
OTHER = "Further scores"
NAMES = {CEILING: f"{CEILING} (ceiling)"}


@dataclass(frozen=True)
class Row:
    """One contender.

    Attributes
    ----------
    name : as shown.
    kind : "model" or "reference".
    cells : text, one per column.
    """

    name: str
    kind: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """A table of the report.

    Attributes
    ----------
    title : heading.
    columns : heading of each column, several lines.
    rows : contenders.
    """

    title: str
    columns: tuple[tuple[str, ...], ...]
    rows: tuple[Row, ...]


def score_grids(scores: Scoreboard, palette: Palette) -> list[Grid]:
    """Every score of the table, section by section, those with several time scales scale by scale;
    single-trial scores sorted, nearest first.

    Parameters
    ----------
    scores : table ``scores``.
    palette : order of the contenders.
    """
    overall = scores.overall
    known = [score for names in SECTIONS.values() for score in names]
    rest = tuple(score for score in overall["score"].unique() if score not in known)
    grids = []
    for title, names in {**SECTIONS, OTHER: rest}.items():
        rows = overall[overall["score"].isin(names)]
        scales = list(rows["scale"].unique())
        if len(scales) < 2 or "" in scales:
            grids += [_grid(title, rows, list(names), palette)] if len(rows) else []
            continue
        for scale in scales:
            part = rows[rows["scale"] == scale].assign(scale="")
            grids.append(_grid(f"{title}, {scale}", part, list(names), palette))
    return grids


def glance_grid(scores: Scoreboard, outcomes: pd.DataFrame, palette: Palette) -> Grid:
    """The decisive numbers of every model beside the ceiling and the trivial models.

    Parameters
    ----------
    scores, outcomes : tables of these names.
    palette : names of the models.
    """
    scales = scores.scales("energy distance")
    keys = [("energy distance", scale, "") for scale in scales]
    keys += [("energy distance skill", scale, name) for scale in scales for name in TRIVIAL]
    keys += [("variance ratio", scale, "") for scale in scales[:1]]
    keys += [("PSTH correlation / ceiling", "", "")]
    rows = []
    for name in (*palette.models, CEILING, *TRIVIAL):
        found = [_decisive(scores, name, *key) for key in keys]
        error = outcome_error(outcomes, name)
        cells = [str(value) if value else "–" for value in found]
        rows.append(_row(name, [*cells, number(error, 2)], palette))
    heads = [tuple(filter(None, (score, at, of and f"against {of}"))) for score, at, of in keys]
    return Grid(
        "At a glance", (*heads, ("largest error of", "outcomes", "by template")), tuple(rows)
    )


def _decisive(
    scores: Scoreboard, name: str, score: str, scale: str, reference: str
) -> Measured | None:
    """A number at a glance; no skill where there is nothing to match."""
    if reference and scores.nothing_to_match(scale):
        return None
    return scores.find(name, score, scale, reference=reference)


def outcome_error(outcomes: pd.DataFrame, contender: str, method: str = "template") -> float:
    """Largest difference of an outcome's frequency from the data's; NaN where none was read."""
    rows = outcomes[outcomes["method"] == method]
    means = rows.groupby(["contender", "outcome"])["frequency"].mean().unstack("contender")
    if contender not in means or DATA not in means:
        return float("nan")
    return float((means[contender] - means[DATA]).abs().max())


def outcome_grid(outcomes: pd.DataFrame, palette: Palette) -> Grid:
    """Frequencies of outcomes, a column per read-out and outcome."""
    keys = ["contender", "method", "outcome"]
    means = outcomes.groupby(keys, sort=False)["frequency"].mean()
    columns = list(dict.fromkeys(zip(outcomes["method"], outcomes["outcome"], strict=True)))
    names = palette.order(outcomes["contender"])
    rows = [
        _row(name, [number(means.get((name, *key), float("nan"))) for key in columns], palette)
        for name in names
    ]
    heads = tuple((f"by {method}", outcome) for method, outcome in columns)
    return Grid("Outcome frequencies", heads, tuple(rows))


def prediction_grid(prediction: pd.DataFrame, palette: Palette) -> Grid:
    """Scores of predicted behaviour over all outcomes, a column per trace, score and predictor."""
    rows = prediction[prediction["outcome"] == "all"]
    keys = ["trace", "score", "predictor"]
    means = rows.groupby(["contender", *keys], sort=False)[["value", "sd"]].mean()
    columns = list(dict.fromkeys(zip(*(rows[key] for key in keys), strict=True)))
    shown = []
    for name in palette.order(rows["contender"]):
        cells = [
            with_spread(*means.loc[(name, *key)]) if (name, *key) in means.index else "–"
            for key in columns
        ]
        shown.append(_row(name, cells, palette))
    return Grid("Predicted behaviour of held-out trials", tuple(columns), tuple(shown))


def fit_grid(fits: pd.DataFrame) -> Grid:
    """Facts of every fit."""
    heads = (
        "time (s)", "memory (MB)", "steps", "kept step", "held-out score", "parameters", "ended",
    )  # fmt: skip
    rows = []
    for fit in fits.to_dict("records"):
        cells = [
            number(fit["seconds"], 4), number(fit["peak_mb"], 4), str(fit["steps"]),
            str(fit["best_step"]), number(fit["held_out"]), f"{fit['parameters']:,}", fit["stop"],
        ]  # fmt: skip
        rows.append(Row(f"{fit['model']}, seed {fit['seed']}", "model", tuple(map(str, cells))))
    return Grid("Fits", tuple((head,) for head in heads), tuple(rows))


def published_grid(published: pd.DataFrame) -> Grid:
    """Published numbers beside ours, two columns per variant and model."""
    cells, sources = {}, {}
    for row in published.to_dict("records"):
        printed = with_spread(row["published"], row["published_spread"])
        pair = printed, with_spread(row["value"], row["sd"])
        cells[row["quantity"], row["variant"], row["contender"]] = pair
        sources[row["quantity"]] = row["source"]
    pairs = sorted({key[1:] for key in cells})
    missing, rows = (MISSING, MISSING), []
    for quantity, source in sources.items():
        found = [text for pair in pairs for text in cells.get((quantity, *pair), missing)]
        rows.append(Row(quantity, "reference", (*found, source)))
    heads = [(variant, kind) for variant, name in pairs for kind in ("published", f"ours: {name}")]
    return Grid("Published numbers beside ours", (*heads, ("source",)), tuple(rows))


def _grid(title: str, rows: pd.DataFrame, names: list[str], palette: Palette) -> Grid:
    keys = list(dict.fromkeys(zip(*(rows[key].astype(str) for key in KEYS), strict=True)))
    keys.sort(key=lambda key: names.index(key[0]))
    cells = {
        (row["contender"], *(row[key] for key in KEYS)): with_spread(row["value"], row["sd"])
        for row in rows.to_dict("records")
    }
    shown = [
        _row(name, [cells.get((name, *key), "–") for key in keys], palette)
        for name in _contenders(rows, names[0], palette)
    ]
    heads = tuple(_heading(dict(zip(KEYS, key, strict=True))) for key in keys)
    return Grid(title, heads, tuple(shown))


def _contenders(rows: pd.DataFrame, score: str, palette: Palette) -> list[str]:
    """Nearest first where the section has distances, else as in the figures."""
    if score != "energy distance":
        return palette.order(rows["contender"])
    first = rows[(rows["score"] == score) & (rows["grouping"] == ALL_TRIALS)]
    first = first[first["scale"] == first["scale"].iloc[0]] if len(first) else rows
    return list(dict.fromkeys([*first.sort_values("value")["contender"], *rows["contender"]]))


def _heading(key: dict[str, str]) -> tuple[str, ...]:
    reference = f"against {key['reference']}" if key["reference"] else ""
    grouping = "" if key["grouping"] == ALL_TRIALS else key["grouping"]
    parts = (key["score"], key["scale"], key["area"], grouping, reference)
    return tuple(part for part in parts if part)


def _row(name: str, cells: list[str], palette: Palette) -> Row:
    kind = "model" if name in palette.models else "reference"
    return Row(NAMES.get(name, name), kind, tuple(cells))
