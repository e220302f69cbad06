"""Figures as files: deterministic, self-contained, for runs of every size."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

from spiketwin.errors import SpiketwinError
from spiketwin.figures import FIGURES, available, plot
from spiketwin.figures.catalogue import NAMES
from spiketwin.files import RunFiles, write_table
from tests.tables import Run, make_run

SMALL = Run(sessions=1, scales=("48 ms",))
LONG = Run(
    models=("matched", "a-model-with-a-very-long-name-indeed"),
    seeds=(0, 1),
    sessions=12,
    areas=("primary-somatosensory-area-whisker-barrel", "MOs", "CP", "ACA"),
    outcomes=("hit", "miss", "early lick in the delay period, left"),
)


@pytest.mark.parametrize("name", ["rasters", "embedding"])
def test_equal_tables_give_equal_files(tmp_path, name):
    made = []
    for folder in ("first", "second"):
        config, files = make_run(tmp_path / folder, SMALL)
        plot(config, files, name)
        made.append([files.figure(name, suffix).read_bytes() for suffix in ("svg", "pdf")])
    assert made[0] == made[1]


def test_every_name_of_the_catalogue_is_drawn_by_something():
    assert tuple(FIGURES) == NAMES


def test_the_jaw_is_drawn_only_where_behaviour_is_mapped(tmp_path):
    config, files = make_run(tmp_path, replace(SMALL, behaviour=False))
    assert "jaw" not in available(config)
    with pytest.raises(SpiketwinError, match=r"no figure 'jaw'.*figures: scores"):
        plot(config, files, "jaw")


def test_a_missing_table_names_the_command_that_makes_it(tmp_path):
    config, files = make_run(tmp_path, SMALL)
    files.table("outcomes").unlink()
    with pytest.raises(SpiketwinError, match=r"outcomes.parquet is missing.*spiketwin analyse"):
        plot(config, files, "outcomes")
    assert not files.figure("outcomes").exists()


@pytest.mark.parametrize(
    "name", ["scores", "variability", "connectivity", "screening", "rates", "covariances"]
)
def test_many_areas_sessions_seeds_and_long_names_are_drawn(tmp_path, name):
    config, files = make_run(tmp_path, LONG)
    plot(config, files, name)
    assert files.figure(name, "pdf").stat().st_size > 5000


@pytest.mark.parametrize(
    "table", ["peaks", "outcomes", "embedding", "screening", "neurons", "covariances"]
)
def test_an_empty_table_gives_a_figure_that_says_so(tmp_path, table):
    config, files = make_run(tmp_path, SMALL)
    name = {"peaks": "distribution", "neurons": "rates"}.get(table, table)
    plot(config, files, name)
    full = files.figure(name).read_bytes()
    write_table(files.table(table), _emptied(files, table))
    plot(config, files, name)
    assert files.figure(name).stat().st_size < len(full)


def _emptied(files: RunFiles, table: str) -> pd.DataFrame:
    return pd.read_parquet(files.table(table)).iloc[:0]


def test_fonts_are_embedded_as_outlines_that_can_be_edited(tmp_path):
    config, files = make_run(tmp_path, SMALL)
    plot(config, files, "training")
    content = files.figure("training", "pdf").read_bytes()
    assert b"/Type3" not in content
    assert b"/FontFile2" in content
    assert b"CreationDate" not in content
    assert b"<dc:date>" not in files.figure("training").read_bytes()


def test_names_of_figures_need_no_drawing_library():
    code = (
        "import sys; from spiketwin.figures import available; "
        "assert 'matplotlib' not in sys.modules and 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("drawing", ["plot_all", "plot_targets"])
def test_drawing_waits_for_neither_models_nor_classifiers(drawing):
    code = (
        f"import sys; from spiketwin.figures import {drawing}; "
        "assert not {'torch', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
