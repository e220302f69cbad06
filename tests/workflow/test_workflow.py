"""A small run of the whole workflow."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.browser import CHROMIUM, shown

ROOT = Path(__file__).parents[2]
SNAKEMAKE = Path(sys.executable).parent / "snakemake"


def small_config() -> dict:
    """The example with three small sessions and a few steps."""
    config = yaml.safe_load((ROOT / "workflow/config/example.yaml").read_text())
    config["run"] = "small"
    config["recordings"]["synthetic"] |= {"sessions": 3, "units": 30, "trials": 40}
    config["trials"]["stitching"] = {"neurons_per_area": 20}
    config["features"]["min_units"] = 5
    config["learning"] = {"steps": 6, "batches": [8], "calibration": 15, "evaluate_every": 3,
                          "evaluation_trials": 20}  # fmt: skip
    silence = {"name": "silence", "area": "area2", "cells": "all", "current": -1.0,
               "window_s": [0.0, 0.1]}  # fmt: skip
    config["analysis"] |= {"simulated_trials": 60, "matched_trials": 10, "perturbations": [silence]}
    return config


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Snakemake in a folder of its own, with the project's code."""
    environment = {k: v for k, v in os.environ.items() if k != "SPIKETWIN_RECORDINGS"}
    command = [str(SNAKEMAKE), "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder),
               "--configfile", str(folder / "config.yaml"), *arguments]  # fmt: skip
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env=environment, cwd=folder
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """Folder of a finished small run."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "config.yaml").write_text(yaml.safe_dump(small_config()))
    done = run(folder, "--cores", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "results/small"


def test_a_run_ends_in_a_report_with_every_figure(finished):
    report = (finished / "report.html").read_text()
    assert "small" in report and "matched" in report and "http-equiv" not in report
    assert len(list((finished / "figures").glob("*.svg"))) == 16
    assert len(list((finished / "figures").glob("*.pdf"))) == 16


def test_tables_hold_every_contender(finished):
    scores = pd.read_parquet(finished / "tables/scores.parquet")
    names = set(scores[scores["score"] == "energy distance"]["contender"])
    assert {"matched", "unmatched", "other half of the data", "PSTH-Poisson"} <= names
    assert (finished / "tables/scores.csv").exists()
    outcomes = pd.read_parquet(finished / "tables/outcomes.parquet")
    total = outcomes.groupby(["contender", "seed", "method"])["frequency"].sum()
    assert (abs(total - 1) < 1e-9).all()


def test_a_perturbation_silences_its_area_while_it_lasts(finished):
    courses = pd.read_parquet(finished / "tables/perturbed_activity.parquet")
    courses = courses[(courses["contender"] == "matched") & (courses["area"] == "area2")]
    mean = courses.assign(on=courses["time_s"].between(0.01, 0.09), off=courses["time_s"] < -0.02)
    for period, low, high in (("on", 0.0, 0.6), ("off", 0.999, 1.001)):
        rates = mean[mean[period]].groupby("perturbation")["mean_hz"].mean()
        assert low <= rates["silence"] / rates["none"] <= high, period
    outcomes = pd.read_parquet(finished / "tables/perturbed_outcomes.parquet")
    unperturbed = outcomes[outcomes["perturbation"] == "none"]
    assert (unperturbed["change"] == 0).all() and len(outcomes) == 2 * len(unperturbed)


def test_fits_tell_what_they_did(finished):
    about = json.loads((finished / "fits/matched/seed-0/model.json").read_text())
    assert about["steps"] == 6 and about["stop"] == "all steps done"
    assert not (finished / "fits/matched/seed-0/checkpoint.safetensors").exists()
    assert len(pd.read_parquet(finished / "fits/matched/seed-0/history.parquet")) == 6


def test_a_second_call_has_nothing_to_do(finished):
    again = run(finished.parents[1], "--cores", "2", "--dry-run")
    assert again.returncode == 0 and "Nothing to be done" in again.stdout + again.stderr


def planned_rules(folder: Path, config: dict) -> str:
    """What a changed configuration would rerun."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    planned = run(folder, "--cores", "2", "--dry-run").stdout
    (folder / "config.yaml").write_text(yaml.safe_dump(small_config()))
    return planned


def test_a_setting_reruns_what_depends_on_it_and_no_more(finished):
    analysis, written, learning = small_config(), small_config(), small_config()
    analysis["analysis"]["matched_trials"] = 8
    written["analysis"]["simulation_nwb"] = True
    learning["learning"]["steps"] = 7
    planned = planned_rules(finished.parents[1], analysis)
    assert "rule analyse" in planned and "rule fit" not in planned
    planned = planned_rules(finished.parents[1], written)
    assert "rule simulate" in planned and "rule fit" not in planned
    planned = planned_rules(finished.parents[1], learning)
    assert "rule fit" in planned and "rule prepare" not in planned


@pytest.fixture(scope="module")
def archive(finished) -> Path:
    """The report that Snakemake makes of the run."""
    made = run(finished.parents[1], "--report", "archive.html")
    assert made.returncode == 0, made.stderr
    return finished.parents[1] / "archive.html"


def test_the_archive_report_is_made(archive):
    assert archive.stat().st_size > 500_000


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_browser_shows_the_archive_report_without_an_error(archive, tmp_path):
    page = shown(archive, tmp_path / "profile")
    for text in ("Workflow", "Statistics", "Results", "spiketwin fits a multi-area"):
        assert text in page.stdout
    assert "Uncaught" not in page.stderr and "Failed to load" not in page.stderr


def test_a_bad_configuration_is_one_clear_line(tmp_path):
    config = small_config()
    config["learning"]["stepz"] = 3
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    failed = run(tmp_path, "--cores", "1", "--dry-run")
    assert failed.returncode == 1
    assert "did you mean 'steps'" in failed.stdout + failed.stderr
    assert not (tmp_path / "results").exists()


def test_a_name_may_hold_a_plus_sign(tmp_path):
    config = small_config() | {"run": "sub-1_ecephys+image"}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    planned = run(tmp_path, "--cores", "1", "--dry-run")
    assert planned.returncode == 0, planned.stdout + planned.stderr


def test_the_error_of_a_failed_job_is_shown(tmp_path):
    config = small_config()
    config["recordings"]["mapping"]["trials"]["outcome"] = ["outcom"]
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    failed = run(tmp_path, "--cores", "1")
    assert failed.returncode == 1
    assert "no column 'outcom' in table 'trials'; it has: outcome" in failed.stderr
