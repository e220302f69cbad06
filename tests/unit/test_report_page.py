"""The page is whole: every figure, every number, nothing from outside, no script error."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from spiketwin import report
from spiketwin.config import Config, read_config, resolve
from spiketwin.errors import SpiketwinError
from spiketwin.figures import Palette, available, plot
from spiketwin.files import RunFiles, write_table, write_text
from spiketwin.report import write_report
from spiketwin.report.captions import CAPTIONS
from spiketwin.report.facts import facts_of
from spiketwin.report.grids import glance_grid, score_grids
from spiketwin.report.numbers import with_spread
from spiketwin.report.page import evidence_of, template
from spiketwin.report.scoreboard import Scoreboard
from tests.browser import CHROMIUM, shown
from tests.tables import Run, make_run

SMALL = Run(sessions=2, scales=("48 ms",))
CAPTION_FILES = Path(__file__).parents[2] / "workflow" / "report"
VOID = {"meta", "link", "br", "img"}


class Page(HTMLParser):
    """Everything a test asks of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.images: list[str] = []
        self.ids: list[str] = []
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.append(tag)
        self.open += [] if tag in VOID else [tag]
        self.ids += [given["id"]] if given.get("id") else []
        places = ("src", "href", "data", "poster")
        self.addresses += [given[place] for place in places if given.get(place)]
        self.images += [given["src"]] if tag == "img" else []

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """Words a reader sees, with single spaces."""
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> tuple[Config, RunFiles]:
    """A run with all figures and its report."""
    config, files = make_run(tmp_path_factory.mktemp("report") / "run", SMALL)
    for name in available(config):
        plot(config, files, name)
    write_report(config, files)
    return config, files


@pytest.fixture(scope="module")
def page(run) -> Page:
    """The parsed report."""
    return Page(run[1].report.read_text(encoding="utf-8"))


def _without_figures(folder: Path, what: Run) -> tuple[Config, RunFiles]:
    """A run whose figures are blank."""
    config, files = make_run(folder, what)
    for name in available(config):
        write_text(files.figure(name), "<svg xmlns='http://www.w3.org/2000/svg'/>")
    return config, files


def test_every_element_is_closed_and_every_link_leads_somewhere(page):
    assert not page.open
    assert len(set(page.ids)) == len(page.ids)
    inner = [address[1:] for address in page.addresses if address.startswith("#")]
    assert inner
    assert set(inner) <= set(page.ids)


def test_nothing_is_loaded_from_outside(page, run):
    outside = [a for a in page.addresses if not a.startswith(("#", "data:"))]
    assert outside == []
    assert "script" not in page.tags
    style = run[1].report.read_text(encoding="utf-8").split("<style>")[1].split("</style>")[0]
    assert "@import" not in style
    assert "url(" not in style


def test_every_figure_of_the_run_is_inside_the_page(page, run):
    config, files = run
    drawn = [base64.b64decode(uri.split(",", 1)[1]) for uri in page.images]
    assert drawn == [files.figure(name).read_bytes() for name in available(config)]
    for svg in drawn:
        linked = re.findall(rb'(?:xlink:)?href="([^"]*)"', svg)
        assert all(link.startswith((b"#", b"data:")) for link in linked)


def test_every_mean_score_is_in_the_tables(page, run):
    scores = Scoreboard(pd.read_parquet(run[1].table("scores"))).overall
    for value, sd in zip(scores["value"], scores["sd"], strict=True):
        assert with_spread(value, sd) in page.text


def test_front_page_says_what_was_fitted_to_what(page):
    for words in (
        "2 sessions", "area-1 (30 neurons)", "400 (240 train, 60 validation, 100 test)",
        "−0.1 s to 0.3 s", "matched (debiased trial matching)", "unmatched (no trial matching)",
    ):  # fmt: skip
        assert words in page.text


def test_text_of_the_user_is_shown_as_text(page, run):
    assert "A run <that> was never fitted & never will be." in page.text
    assert "that" not in page.tags
    assert "no quality column: all units are kept" in page.text


def test_duplicates_fits_and_configuration_are_shown(page, run):
    assert "12, 17" in page.text
    assert "all steps done" in page.text
    assert "snakemake --cores 2 --configfile made-up.yaml" in page.text


def test_shown_configuration_is_the_one_that_ran(run, tmp_path):
    config, files = run
    text = files.report.read_text(encoding="utf-8")
    shown = re.findall(r"<pre>(.*?)</pre>", text, flags=re.DOTALL)[-1]
    copy = tmp_path / "copy.yaml"
    copy.write_text(unescape(shown), encoding="utf-8")
    assert read_config(copy) == config


def test_equal_runs_give_equal_pages(run):
    config, files = run
    before = files.report.read_bytes()
    write_report(config, files)
    assert files.report.read_bytes() == before


def test_without_behaviour_there_is_no_jaw_figure_and_the_page_says_so(tmp_path):
    config, files = _without_figures(tmp_path, replace(SMALL, behaviour=False))
    write_report(config, files)
    page = Page(files.report.read_text(encoding="utf-8"))
    assert "figure-jaw" not in page.ids
    assert "No behaviour is mapped" in page.text


def test_conditions_and_outcomes_name_their_columns(tmp_path):
    config, files = _without_figures(tmp_path, SMALL)
    raw = config.model_dump(mode="json")
    raw["recordings"]["mapping"]["trials"] |= {"condition": ["side", "cue"], "outcome": []}
    facts = dict(facts_of(resolve(raw), files))
    assert facts["Conditions"].startswith("side × cue: stimulus (")
    assert facts["Outcomes"].startswith("hit (")


def test_stimuli_and_the_inputs_they_drive_are_named(tmp_path):
    config, files = _without_figures(tmp_path, SMALL)
    raw = config.model_dump(mode="json")
    raw["recordings"]["mapping"]["stimuli"] = {"cue": {"onset": 0.5}, "click": {"onset": "clicks"}}
    inputs = [{"name": "early", "stimulus": "click", "channels": 40}, {"name": "noise"}]
    for model in raw["models"].values():
        model["network"]["inputs"] = inputs
    facts = dict(facts_of(resolve(raw), files))
    assert facts["Stimuli"] == "cue at 0.5 s; click at clicks"
    assert facts["Inputs"] == "early (40 channels, click), noise (100 channels)"


def test_areas_with_few_units_are_named(tmp_path):
    config, files = _without_figures(tmp_path, SMALL)
    stitching = pd.read_parquet(files.stitching)
    few = stitching[(stitching["area"] != "area-2") | (stitching["neuron"] < 36)]
    write_table(files.stitching, few)
    write_report(config, files)
    text = Page(files.report.read_text(encoding="utf-8")).text
    assert "Below 10 units (features.min_units)" in text
    assert "area-2 of session-0 (3)" in text


def test_no_duplicates_and_no_notes_are_said(tmp_path):
    config, files = _without_figures(tmp_path, SMALL)
    write_table(files.table("duplicates"), pd.read_parquet(files.table("duplicates")).iloc[:0])
    write_text(files.notes, '{"session-0": []}')
    write_report(config, files)
    text = Page(files.report.read_text(encoding="utf-8")).text
    assert "None found." in text
    assert "Nothing was guessed or dropped." in text


@pytest.mark.parametrize(
    ("missing", "command"),
    [("figure", "plot --figure scores"), ("table", "analyse"), ("notes", "prepare")],
)
def test_what_is_missing_is_named_with_the_command_that_makes_it(tmp_path, missing, command):
    config, files = _without_figures(tmp_path, SMALL)
    path = {"figure": files.figure("scores"), "table": files.table("scores"), "notes": files.notes}
    path[missing].unlink()
    with pytest.raises(SpiketwinError, match=f"spiketwin {command}"):
        write_report(config, files)
    assert not files.report.exists()


@pytest.mark.parametrize("name", CAPTIONS)
def test_archive_and_page_say_the_same_about_a_figure(name):
    words = (CAPTION_FILES / f"{name}.rst").read_text(encoding="utf-8").replace("**", "").split()
    caption = CAPTIONS[name]
    assert words == f"{caption.title} {caption.text}".split()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_score_tables_of_two_time_scales_and_three_groupings_fit_the_page(tmp_path):
    config, files = make_run(
        tmp_path / "run", Run(), ("scores", "outcomes", "screening", "prediction")
    )
    evidence, palette = evidence_of(config, files), Palette(tuple(config.models), (), ())
    table = evidence.scores.table
    distances = table[table["score"].str.startswith("energy distance")]
    groupings = ("within condition", "by outcome")
    more = [distances.assign(grouping=grouping) for grouping in groupings]
    scores = Scoreboard(pd.concat([table, *more], ignore_index=True))
    grids = [glance_grid(scores, evidence.outcomes, palette), *score_grids(scores, palette)]
    module = template("table.html.j2").module
    style = (Path(report.__file__).parent / "templates" / "style.css").read_text(encoding="utf-8")
    probe = (
        "<script>document.title = [...document.querySelectorAll('.scroll')].map("
        "box => box.scrollWidth <= box.clientWidth).join()</script>"
    )
    tables = "".join(str(module.table(grid)) for grid in grids)
    path = tmp_path / "tables.html"
    text = f"<title></title><style>{style}</style><main>{tables}</main>{probe}"
    path.write_text(f"<!doctype html><meta charset='utf-8'>{text}", encoding="utf-8")
    page = shown(path, tmp_path / "profile")
    title = re.search(r"<title>(.*?)</title>", page.stdout)
    assert title[1].split(",") == ["true"] * len(grids)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
def test_a_browser_shows_every_image_without_an_error(run, tmp_path):
    probe = (
        "<script>window.onload = () => { document.title = [...document.images].map("
        "i => i.complete && i.naturalWidth > 0).join() + '|' + "
        "(document.documentElement.scrollWidth <= window.innerWidth); }</script>"
    )
    copy = tmp_path / "probed.html"
    copy.write_text(run[1].report.read_text(encoding="utf-8") + probe, encoding="utf-8")
    page = shown(copy, tmp_path / "profile")
    title = re.search(r"<title>(.*?)</title>", page.stdout)
    loaded, fits = title[1].split("|")
    assert loaded.split(",") == ["true"] * len(available(run[0]))
    assert fits == "true"
    assert ":CONSOLE" not in page.stderr
