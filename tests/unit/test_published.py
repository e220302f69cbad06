"""Published numbers beside ours: the right ones, from the tables and histories of the run."""

from typing import get_args

import numpy as np
import pandas as pd
import pytest

from spiketwin.analysis.published import (
    DATA,
    OF_RECORDINGS,
    published_table,
    reference,
    spreads,
)
from spiketwin.analysis.references import CEILING
from spiketwin.config import Config, resolve
from spiketwin.config.analysis import Variant
from spiketwin.errors import SpiketwinError
from spiketwin.figures import available
from spiketwin.files import RunFiles, write_table, write_text
from spiketwin.report import write_report
from spiketwin.report.grids import published_grid
from tests.tables import Run, make_run

ACCURACY = "lick classifier accuracy"


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
    kinds = {DATA, DATA + OF_RECORDINGS}
    assert set(get_args(Variant)) | kinds == set(numbers.columns) - {"quantity", "source"}
    known = spreads().set_index("quantity")
    assert set(known.columns) == set(get_args(Variant)) | kinds
    of_these = numbers.set_index("quantity").loc[known.index, known.columns]
    assert of_these[known.notna()].notna().sum().sum() == known.notna().sum().sum()
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


def test_published_errors_and_shares_follow_from_the_published_numbers():
    by_name = reference().set_index("quantity")
    frequencies = by_name.filter(regex="^(Miss|Hit|CR|FA), ", axis=0)
    correlation = "matched correlation (published formula)"
    for variant in ("soft TM, recordings", "no TM, recordings"):
        data, own = by_name[DATA + OF_RECORDINGS], by_name[variant]
        for method in ("template", "lick classifier"):
            rows = frequencies.filter(like=f", {method}", axis=0)
            assert rows[variant].sum() == pytest.approx(1, abs=0.002)
            error = (rows[variant] - rows[DATA + OF_RECORDINGS]).abs().sum()
            assert own[f"summed error of outcomes, {method}"] == pytest.approx(error)
        for name, test in (("PSTH correlation", ""), (correlation, ", test trials")):
            share = own[name + test] / data[name + test]
            assert own[f"{name} / ceiling"] == pytest.approx(share, abs=6e-4)


@pytest.fixture(scope="module")
def of_recordings(tmp_path_factory) -> tuple[RunFiles, pd.DataFrame]:
    """A run with the four outcomes of the delayed task, and its table."""
    four = Run(seeds=(0, 1), outcomes=("Hit", "CR", "Miss", "FA"))
    config, files = make_run(tmp_path_factory.mktemp("recordings"), four)
    asked = {"matched": "soft TM, recordings", "unmatched": "no TM, recordings"}
    raw = config.model_dump(mode="json")
    raw["analysis"] |= {"published": asked}
    scores, *others = (pd.read_parquet(files.table(n)) for n in ("scores", "outcomes", "fits"))
    lick = scores.iloc[:1].assign(contender=DATA, seed=-1, value=0.91, score=ACCURACY)
    return files, published_table(
        resolve(raw), files, pd.concat([scores, lick], ignore_index=True), *others
    )


def test_recordings_stand_beside_figures_3_and_4(of_recordings):
    files, table = of_recordings
    outcomes = pd.read_parquet(files.table("outcomes"))
    by_lick = outcomes[outcomes["method"] == "lick classifier"].pivot_table(
        index="outcome", columns=["contender", "seed"], values="frequency"
    )
    found = _row(table, "unmatched", "Miss, lick classifier")
    mean = by_lick.loc["Miss"].groupby("contender").mean()
    assert (found["value"], found["data"]) == pytest.approx((mean["unmatched"], mean["data"]))
    assert found["published"] == 0.5
    error = by_lick["unmatched"].sub(by_lick["data", -1], axis=0).abs().sum().mean()
    found = _row(table, "unmatched", "summed error of outcomes, lick classifier")
    assert found["value"] == pytest.approx(error) and found["published"] == 0.852
    assert error > 0.01


def test_correlations_of_recordings_have_their_ceiling_and_spread(of_recordings):
    files, table = of_recordings
    scores = pd.read_parquet(files.table("scores"))
    scores = scores[scores["score"] == "matched Pearson (published formula)"]
    mean = scores[scores["scale"] == "48 ms"].groupby("contender")["value"].mean()
    name = "matched correlation (published formula)"
    found = _row(table, "matched", f"{name}, test trials")
    assert found["value"] == pytest.approx(mean["matched"])
    assert found["data"] == pytest.approx(mean[CEILING])
    assert (found["published"], found["published_spread"]) == (0.496, 0.006)
    share = _row(table, "matched", f"{name} / ceiling")
    assert share["value"] == pytest.approx(mean["matched"] / mean[CEILING])
    ceiling = _row(table, DATA, f"{name}, test trials")
    assert ceiling["variant"] == "data, recordings" and ceiling["published"] == 0.530
    accuracy = _row(table, DATA, "accuracy of the lick classifier")
    assert (accuracy["published"], accuracy["value"]) == (0.944, 0.91)


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
    assert hits.cells[column] == "0.983 ± 0.019"


def test_a_name_that_is_no_model_is_refused(run):
    with pytest.raises(SpiketwinError, match=r"analysis\.published names 'gone'"):
        _asking(run[0], {"gone": "no TM"})
