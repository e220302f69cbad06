"""The analyse stage: simulations and trials in, tidy tables out."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pandas as pd
from tqdm import tqdm

from spiketwin.analysis import behaviour, variability
from spiketwin.analysis.connectivity import connectivity_table
from spiketwin.analysis.contenders import Contender, Session, contenders, sessions_of
from spiketwin.analysis.covariances import covariances
from spiketwin.analysis.currents import current_table
from spiketwin.analysis.fits import fit_table
from spiketwin.analysis.neurons import add_neuron_scores, neuron_table, psth_examples
from spiketwin.analysis.outcomes import (
    Readers,
    frequencies,
    lick_accuracy,
    recorded_frequencies,
    train_readers,
)
from spiketwin.analysis.perturbations import perturbation_tables
from spiketwin.analysis.published import published_table
from spiketwin.analysis.references import CEILING, REFERENCES
from spiketwin.analysis.scores import ScoreBook, add_scores
from spiketwin.analysis.screening import screen
from spiketwin.analysis.states import find_states, state_table
from spiketwin.config import Config
from spiketwin.files import RunFiles, write_table
from spiketwin.trials.features import check_scored, psth, window_matrix
from spiketwin.trials.store import load_run_trials
from spiketwin.trials.trialset import Trials, TrialSet

DATA = "data"
Tables = dict[str, list[pd.DataFrame]]


def analyse(config: Config, files: RunFiles) -> None:
    """Write every table of a run.

    Raises
    ------
    SpiketwinError
        When no session has an area with enough units, or trials or simulations are missing.
    """
    trials = load_run_trials(files, config)
    check_scored(trials.sessions, config.features)
    sessions = sessions_of(trials, config)
    first = sessions[0].recorded
    window = window_matrix(first.counts.shape[1], first.bin_s, config.features.psth)
    readers = train_readers(sessions, window, config.analysis)
    tables, book = _recorded_tables(sessions, readers), ScoreBook()
    states = find_states(sessions)
    tables["states"].append(state_table(_data(sessions), readers, states, simulated=False))
    ceiling = _ceiling(sessions, window)
    total = len(config.models) * len(config.seeds) + len(REFERENCES)
    shown = tqdm(total=total, desc="analyse", disable=not sys.stderr.isatty())
    for contender in contenders(sessions, config, files):
        add_scores(book, contender, sessions, config)
        _add_neurons(tables, book, contender, sessions, window, ceiling)
        _add_contender(tables, contender, sessions, readers, config)
        if contender.name in config.models:
            tables["states"].append(state_table(contender, readers, states, simulated=True))
        shown.update()
    shown.close()
    _add_lick_accuracy(book, readers)
    tables |= {n: [t] for n, t in perturbation_tables(config, files, readers).items()}
    _write(tables, book, config, files, trials)


def _recorded_tables(sessions: Sequence[Session], readers: Readers) -> Tables:
    """What describes the test trials themselves, and how often outcomes were recorded at all."""
    tables: Tables = defaultdict(list)
    data = _data(sessions)
    tables["outcomes"].append(recorded_frequencies(readers))
    _add_descriptions(tables, data, readers)
    tables["neurons"].append(_neurons_of(data, sessions, readers.window))
    tables["psths"].append(_psths(data, sessions, readers.window, tables["neurons"][0]))
    return tables


def _data(sessions: Sequence[Session]) -> Contender:
    """The test trials themselves."""
    return Contender(DATA, -1, {session.name: session.test for session in sessions})


def _add_descriptions(tables: Tables, contender: Contender, readers: Readers) -> None:
    """Tables that describe trials, recorded or simulated alike."""
    tables["activity"].append(variability.activity(contender, readers))
    tables["peaks"].append(variability.peaks(contender, readers))
    tables["modes"].append(variability.modes(contender, readers.sessions))
    tables["correlations"].append(variability.correlations(contender, readers.sessions))
    tables["separation"].append(variability.separation(contender, readers))
    tables["embedding"].append(variability.embedding(contender, readers))
    if contender.name == CEILING or contender.name not in REFERENCES:
        tables["covariances"].append(covariances(contender, readers.sessions))
    if contender.name not in REFERENCES:
        tables["rasters"].append(variability.rasters(contender, readers))
        if readers.sessions[0].recorded.traces:
            tables["behaviour"].append(behaviour.courses(contender, readers))


def _add_contender(
    tables: Tables,
    contender: Contender,
    sessions: Sequence[Session],
    readers: Readers,
    config: Config,
) -> None:
    tables["outcomes"].append(frequencies(contender, readers))
    _add_descriptions(tables, contender, readers)
    if contender.name in config.models and sessions[0].recorded.traces:
        scores, examples = behaviour.prediction_tables(contender, sessions, config)
        tables["prediction"].append(scores)
        tables["prediction_trials"].append(examples)


def _neurons_of(
    contender: Contender, sessions: Sequence[Session], window: np.ndarray
) -> pd.DataFrame:
    compared = [contender.trials[session.name] for session in sessions]
    test = [session.test for session in sessions]
    return neuron_table(contender.name, contender.seed, compared, test, window)


def _ceiling(sessions: Sequence[Session], window: np.ndarray) -> float:
    """Mean PSTH correlation of training with test trials."""
    train: list[TrialSet] = [session.train for session in sessions]
    table = neuron_table("", -1, train, [session.test for session in sessions], window)
    return float(np.nanmean(table["psth_correlation"])) if len(table) else float("nan")


def _add_neurons(
    tables: Tables,
    book: ScoreBook,
    contender: Contender,
    sessions: Sequence[Session],
    window: np.ndarray,
    ceiling: float,
) -> None:
    recorded = tables["neurons"][0]
    table = _neurons_of(contender, sessions, window)
    add_neuron_scores(book, contender, table, recorded, ceiling)
    tables["neurons"].append(table)
    if contender.name not in REFERENCES:
        tables["psths"].append(_psths(contender, sessions, window, recorded))


def _psths(
    contender: Contender, sessions: Sequence[Session], window: np.ndarray, recorded: pd.DataFrame
) -> pd.DataFrame:
    """Filtered PSTHs of the example neurons."""
    shown = set(psth_examples(recorded))
    time_s, parts = sessions[0].recorded.time_s @ window, []
    for session in sessions:
        trials = contender.trials[session.name]
        rates = psth(trials.counts, window) / trials.bin_s
        units = zip(session.recorded.units["neuron"], session.recorded.units["area"], strict=True)
        for k, (neuron, area) in enumerate(units):
            if neuron in shown:
                course = pd.DataFrame({"time_s": time_s, "rate_hz": rates[:, k]})
                parts.append(course.assign(neuron=neuron, area=area))
    return pd.concat(parts, ignore_index=True).assign(contender=contender.name, seed=contender.seed)


def _add_lick_accuracy(book: ScoreBook, readers: Readers) -> None:
    accuracy = lick_accuracy(readers)
    if np.isfinite(accuracy):
        n = sum(len(session.test.trials) for session in readers.sessions)
        data = Contender(DATA, -1, {})
        book.add(data, "lick classifier accuracy", accuracy, n=n, grouping="by outcome")


def _write(
    tables: Tables, book: ScoreBook, config: Config, files: RunFiles, trials: Trials
) -> None:
    """Write all tables; the scores last, since their file says that the rest is there."""
    for name, parts in tables.items():
        write_table(files.table(name), pd.concat(parts, ignore_index=True), csv=True)
    write_table(files.table("screening"), screen(trials, config), csv=True)
    fits, scores = fit_table(config, files), book.table()
    write_table(files.table("fits"), fits, csv=True)
    if config.gradient_models:
        write_table(files.table("connectivity"), connectivity_table(config, files), csv=True)
        write_table(files.table("currents"), current_table(config, files), csv=True)
    if config.analysis.published:
        outcomes = pd.concat(tables["outcomes"], ignore_index=True)
        beside = published_table(config, files, scores, outcomes, fits)
        write_table(files.table("published"), beside, csv=True)
    write_table(files.table("scores"), scores, csv=True)
