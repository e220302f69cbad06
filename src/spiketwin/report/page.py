"""The report stage: tables and figures of a run in, one HTML page out that needs nothing else."""

from __future__ import annotations

import base64
import json
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from spiketwin.config import Config, dump_config
from spiketwin.figures import Palette, available
from spiketwin.files import RunFiles, read_or_explain, write_text
from spiketwin.report.captions import CAPTIONS
from spiketwin.report.evidence import Evidence
from spiketwin.report.facts import facts_of, read_fits, small_areas
from spiketwin.report.grids import (
    Grid,
    fit_grid,
    glance_grid,
    outcome_grid,
    prediction_grid,
    published_grid,
    score_grids,
)
from spiketwin.report.scoreboard import Scoreboard
from spiketwin.report.summary import summarise
from spiketwin.report.verdict import judge

LIBRARIES = ("spiketwin", "torch", "numpy", "scipy", "pandas", "POT", "pynwb", "snakemake")
MARKS = {"good": "✓", "fair": "~", "poor": "✗", "note": "i"}
"""Signs beside the colours."""


def write_report(config: Config, files: RunFiles) -> None:
    """Write `results/RUN/report.html`; equal tables and figures give an equal page.

    Parameters
    ----------
    config, files : the run, its tables and figures made.

    Raises
    ------
    SpiketwinError
        When a table or a figure is missing; the message names the command that makes it.
    """
    write_text(files.report, template("report.html.j2").render(contents(config, files)))


def template(name: str) -> Template:
    """A page to be filled."""
    environment = Environment(
        loader=PackageLoader("spiketwin.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def contents(config: Config, files: RunFiles) -> dict[str, Any]:
    """Everything the page shows, as text, sentences and tables of text."""
    evidence = evidence_of(config, files)
    verdicts = [judge(evidence, model) for model in config.models]
    return {
        "config": config,
        "facts": facts_of(config, files),
        "verdicts": verdicts,
        "summary": summarise(evidence, verdicts, small_areas(config, files)),
        "marks": MARKS,
        "glance": glance_grid(evidence.scores, evidence.outcomes, _palette(config)),
        "figures": [(name, CAPTIONS[name], figure_uri(files, name)) for name in available(config)],
        "grids": _grids(config, files, evidence),
        "duplicates": _table(files, "duplicates", "prepare").to_dict("records"),
        "notes": read_or_explain(
            lambda path: json.loads(path.read_text(encoding="utf-8")), files.notes, "prepare"
        ),
        "yaml": dump_config(config),
        "versions": versions(),
    }


def evidence_of(config: Config, files: RunFiles) -> Evidence:
    """Tables that the verdict rests on."""
    warnings: dict[str, list[str]] = {model: [] for model in config.models}
    for (model, seed), about in read_fits(config, files).items():
        warnings[model] += [f"{text.rstrip('.')} (seed {seed})" for text in about["warnings"]]
    return Evidence(
        config=config,
        scores=Scoreboard(_table(files, "scores")),
        outcomes=_table(files, "outcomes"),
        prediction=_prediction(config, files),
        screening=_table(files, "screening"),
        warnings=warnings,
    )


def figure_uri(files: RunFiles, name: str) -> str:
    """A figure as a data URI: inside an image, the identifiers of one SVG never meet another's."""
    svg = read_or_explain(
        lambda path: path.read_bytes(), files.figure(name), f"plot --figure {name}"
    )
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode('ascii')}"


def versions() -> list[tuple[str, str]]:
    """Python and the libraries that matter, as installed."""
    found = [("Python", platform.python_version())]
    for name in LIBRARIES:
        try:
            found.append((name, version(name)))
        except PackageNotFoundError:
            found.append((name, "not installed"))
    return found


def _table(files: RunFiles, name: str, maker: str = "analyse") -> pd.DataFrame:
    return read_or_explain(pd.read_parquet, files.table(name), maker)


def _prediction(config: Config, files: RunFiles) -> pd.DataFrame:
    if config.recordings.mapping.behaviour:
        return _table(files, "prediction")
    return pd.DataFrame(
        columns=["contender", "trace", "predictor", "outcome", "score", "value", "sd"]
    )


def _palette(config: Config) -> Palette:
    return Palette(tuple(config.models), areas=(), outcomes=())


def _grids(config: Config, files: RunFiles, evidence: Evidence) -> list[Grid]:
    palette = _palette(config)
    found = score_grids(evidence.scores, palette)
    if not evidence.outcomes.empty:
        found.append(outcome_grid(evidence.outcomes, palette))
    if not evidence.prediction.empty:
        found.append(prediction_grid(evidence.prediction, palette))
    if config.analysis.published:
        found.append(published_grid(_table(files, "published")))
    return [*found, fit_grid(_table(files, "fits"))]
