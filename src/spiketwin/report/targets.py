"""The report of a run on given targets: how well every model follows them, in one page."""

from __future__ import annotations

from typing import Any

import pandas as pd

from spiketwin.analysis.recall import AVERAGED, SINGLE
from spiketwin.config import BalancedNetwork, Pattern, RateModel, TargetRun, dump_config, points
from spiketwin.figures import Palette, target_figures
from spiketwin.files import RunFiles, read_or_explain, write_text
from spiketwin.report.captions import Caption
from spiketwin.report.grids import Grid, Row, fit_grid
from spiketwin.report.numbers import number, with_spread
from spiketwin.report.page import MARKS, figure_uri, template, versions
from spiketwin.report.sweeps import sweep_grids

CAPTIONS = {
    "learning": Caption(
        "How learning went",
        "Squared error of the trials that are learned from, correlation of trial-averaged input "
        "and target in other trials, mean rate of all neurons, size of the change of the weights "
        "relative to the initial ones, and how far the last update followed its last sample rather "
        "than what was learned before (largest over neurons; above 1: mostly the sample). Error "
        "should fall and correlation rise while the rate stays where it was; a gain that stays "
        "large or rises means that the prior is too weak.",
    ),
    "recall": Caption(
        "How well every cell follows",
        "Share of the trained cells whose correlation lies below a value, one line per model "
        "and seed (dotted: medians); left for single trials, right for the average over "
        "trials. What separates the two is the noise of the network's own spikes.",
    ),
    "trajectories": Caption(
        "Some cells",
        "Target (black), average over trials (colour) and one trial (grey) of cells of the first "
        "model and seed, from the most modulated to the median one.",
    ),
    "lesions": Caption(
        "After lesions",
        "Correlation of single trials with their targets after a share of the neurons has been "
        "silenced, or of the weights between the cells (not auxiliary ones) shuffled. Dots are "
        "seeds. Performance should fall gradually.",
    ),
    "sweeps": Caption(
        "Sweeps",
        "Correlation over the settings of each sweep (dots: seeds), and, where the length of the "
        "window varies, the longest window that is learned in units of the correlation time of "
        "the targets.",
    ),
    "divergence": Caption(
        "One spike less",
        "Difference of the input of all neurons between a trial and the same trial without one "
        "spike, before (dotted) and after learning (solid). Chaotic networks diverge; where "
        "trajectories have been learned, the difference stays small.",
    ),
}
GOOD, FAIR = 0.9, 0.6
"""Trial-averaged correlations that count as following, and as following in part."""


def write_target_report(run: TargetRun, files: RunFiles) -> None:
    """Write `results/RUN/report.html` of a run on given targets."""
    recall = read_or_explain(pd.read_parquet, files.table("recall"), "analyse")
    fits = read_or_explain(pd.read_parquet, files.table("fits"), "analyse")
    page = {
        "config": run,
        "facts": _facts(run),
        "verdicts": [_verdict(run, recall, fits, model) for model in run.named],
        "marks": MARKS,
        "figures": [
            (name, CAPTIONS[name], figure_uri(files, name)) for name in target_figures(run)
        ],
        "grids": [
            *([_grid(run, recall)] if run.named else []),
            *sweep_grids(run, read_or_explain(pd.read_parquet, files.table("sweeps"), "analyse")),
            fit_grid(fits),
        ],
        "yaml": dump_config(run),
        "versions": versions(),
    }
    write_text(files.report, template("targets.html.j2").render(page))


def _facts(run: TargetRun) -> list[tuple[str, str]]:
    found = [("Seeds", ", ".join(map(str, run.seeds)))]
    for name in run.named:
        model = run.models[name]
        found.append((name, f"{_network(model)}; {_learning(model)}; {_pattern(run, name)}"))
    for name, sweep in run.sweeps.items():
        grid = "; ".join(f"{key} {', '.join(map(str, some))}" for key, some in sweep.items())
        found.append((name, f"sweep: {grid}; {_pattern(run, next(iter(points(name, sweep))))}"))
    return found


def _network(model: RateModel) -> str:
    network = model.network
    kind = "balanced" if isinstance(network, BalancedNetwork) else network.kind
    return f"{network.neurons} {kind} neurons"


def _learning(model: RateModel) -> str:
    learning = model.learning
    signs = ", signs kept" if learning.dale else ""
    return f"{learning.solver}{signs}, {learning.steps} loops, every {learning.every_s:g} s"


def _pattern(run: TargetRun, name: str) -> str:
    pattern: Pattern = run.targets_of(name)
    what = f"rates of {pattern.file}" if pattern.file else f"{pattern.pattern} ({pattern.measure})"
    helped = f", {pattern.auxiliary:g} auxiliary neurons per cell" if pattern.auxiliary else ""
    return f"targets: {what}{helped}"


def _verdict(
    run: TargetRun, recall: pd.DataFrame, fits: pd.DataFrame, model: str
) -> dict[str, Any]:
    """A sentence and a mark for one model."""
    mine = recall[recall["model"] == model]
    averaged, single = (_mean(mine, score) for score in (AVERAGED, SINGLE))
    mark = "good" if averaged >= GOOD else "fair" if averaged >= FAIR else "poor"
    how = {"good": "follows its targets", "fair": "follows in part", "poor": "does not follow"}
    warnings = [text for text in fits[fits["model"] == model]["warnings"] if text]
    rate = _mean(mine, "mean rate (Hz)")
    return {
        "model": model,
        "mark": mark,
        "headline": f"{how[mark].capitalize()}: correlation with the target {number(averaged)} for "
        f"the average over {run.analysis.trials} trials, {number(single)} for single trials, at "
        f"{number(rate)} Hz.",
        "warnings": warnings,
    }


def _mean(table: pd.DataFrame, score: str) -> float:
    return float(table[table["score"] == score]["value"].mean())


def _grid(run: TargetRun, recall: pd.DataFrame) -> Grid:
    """Scores down, models and conditions across; spread over seeds."""
    palette = Palette(tuple(run.named), areas=(), outcomes=())
    recall = recall[recall["model"].isin(run.named)]
    scores = list(dict.fromkeys(recall["score"]))
    columns = [
        (model, condition)
        for model in palette.order(recall["model"])
        for condition in dict.fromkeys(recall[recall["model"] == model]["condition"])
    ]
    rows = []
    for score in scores:
        cells = []
        for model, condition in columns:
            chosen = recall[
                (recall["model"] == model)
                & (recall["condition"] == condition)
                & (recall["score"] == score)
            ]["value"]
            cells.append(with_spread(float(chosen.mean()), float(chosen.std())))
        rows.append(Row(score, "model", tuple(cells)))
    return Grid("Recall", tuple(columns), tuple(rows))
