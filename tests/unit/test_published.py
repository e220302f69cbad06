"""Published numbers beside ours: the right ones, from the tables and histories of the run."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from spiketwin.analysis.published import DATA, published_table, reference
from spiketwin.config import Config, resolve
from spiketwin.config.analysis import Variant
from spiketwin.errors import SpiketwinError
from spiketwin.figures import available
from spiketwin.files import RunFiles, write_table, write_text
from spiketwin.report import write_report
from spiketwin.report.grids import published_grid
from tests.tables import Run, make_run


def _asking(config: Config, published: dict[str, str]) -> Config:
    raw = config.model_dump(mode="json")
    asked = {"published": published, "outcome_area": "area-2", "active_outcome": "hit"}
    raw["analysis"] |= asked
    return resolve(raw)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Config, RunFiles]:
    config, files = make_run(tmp_path_factory.mktemp("run"), Run(seeds=(0, 1)))
    return _asking(config, {"matched": "soft TM", "unmatched": "no TM"}), files


@pytest.fixture(scope="module")
def table(run) -> pd.DataFrame:
    config, files = run
    read = (pd.read_parquet(files.table(name)) for name in ("scores", "outcomes", "fits"))
    return published_table(config, files, *read)


def _row(table: pd.DataFrame, contender: str, quantity: str) -> pd.Series:
    (found,) = table[(table["contender"] == contender) & (table["quantity"] == quantity)].to_dict(
        "records"
    )
    return pd.Series(found)


def test_every_variant_of_the_configuration_has_published_numbers():
    numbers = reference()
    assert set(get_args(Variant)) == set(numbers.columns) - {"quantity", "source", DATA}
    assert numbers["quantity"].is_unique
    by_name = numbers.set_index("quantity")
    assert by_name.loc["hits, 30 Hz threshold", "hard TM"] == 0.733
    assert by_name.loc["training loss, step 495", "soft TM"] == 47.0
    # What a log adds up from, where both parts are published.
    parts = by_name.loc["neuron loss, last"] + by_name.loc["trial loss, last"].drop("source")
    for variant in ("hard TM", "soft TM", "spikeT-GAN", "soft TM, recordings"):
        total = by_name.loc["training loss, last", variant]
        assert parts[variant] == pytest.approx(total, abs=0.02)


def test_frequencies_and_correlations_are_those_of_the_tables(run, table):
    outcomes = pd.read_parquet(run[1].table("outcomes"))
    hits = outcomes[(outcomes["method"] == "template") & (outcomes["outcome"] == "hit")]
    mean = hits.groupby("contender")["frequency"].mean()
    found = _row(table, "unmatched", "hits, template")
    assert found["value"] == pytest.approx(mean["unmatched"]) and found["published"] == 0.983
    assert found["data"] == pytest.approx(mean["data"])
    scores = pd.read_parquet(run[1].table("scores"))
    pearson = scores[(scores["score"] == "matched Pearson") & (scores["scale"] == "48 ms")]
    pearson = pearson[(pearson["session"] == "all") & (pearson["contender"] == "matched")]
    found = _row(table, "matched", "matched correlation (Pearson)")
    assert found["value"] == pytest.approx(pearson["value"].mean())
    assert np.isnan(found["published"])


def test_losses_are_means_of_logs_on_the_published_scale(run, table):
    histories = [
        pd.read_parquet(run[1].fit("unmatched", seed) / "history.parquet") for seed in (0, 1)
    ]
    logs = [10 * history["loss_neuron"][:99].mean() for history in histories]
    found = _row(table, "unmatched", "training loss, step 99")
    assert found["value"] == pytest.approx(np.mean(logs)) and found["published"] == 46.8
    assert found["sd"] == pytest.approx(np.std(logs, ddof=1))
    least = _row(table, "unmatched", "training loss, least")["value"]
    assert least == pytest.approx(
        np.mean([10 * h["loss_neuron"][198:297].mean() for h in histories]), rel=0.01
    )
    assert np.isnan(_row(table, "unmatched", "training loss, step 4950")["value"])


def test_another_trial_loss_than_the_published_one_is_not_compared(table):
    """The first model's distance is `debiased`, the soft variant's the Sinkhorn divergence."""
    assert np.isnan(_row(table, "matched", "trial loss, last")["value"])
    assert np.isnan(_row(table, "matched", "training loss, step 99")["value"])
    assert _row(table, "matched", "neuron loss, last")["value"] > 0


def test_the_report_shows_the_published_numbers(run, table):
    config, files = run
    write_table(files.table("published"), table)
    for name in available(config):
        write_text(files.figure(name), "<svg xmlns='http://www.w3.org/2000/svg'/>")
    write_report(config, files)
    text = files.report.read_text(encoding="utf-8")
    assert "Published numbers beside ours" in text
    grid = published_grid(table)
    assert all(len(row.cells) == len(grid.columns) for row in grid.rows)
    (hits,) = [row for row in grid.rows if row.name == "hits, template"]
    column = grid.columns.index(("no TM", "published"))
    assert hits.cells[column] == "0.983"


def test_a_name_that_is_no_model_is_refused(run):
    with pytest.raises(SpiketwinError, match=r"analysis\.published names 'gone'"):
        _asking(run[0], {"gone": "no TM"})
