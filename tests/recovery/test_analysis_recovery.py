"""Analyses recover what artificial trials were made with."""

from dataclasses import replace

import numpy as np
import pytest

from spiketwin.analysis.behaviour import predict
from spiketwin.analysis.contenders import Contender, Session, reference, sessions_of
from spiketwin.analysis.covariances import BIN_S, covariances
from spiketwin.analysis.neurons import fano_factors, isi_cvs, psth_correlations
from spiketwin.analysis.outcomes import Readers, frequencies, lick_accuracy, train_readers
from spiketwin.analysis.references import CEILING, PER_CONDITION, PSTH, REFERENCES
from spiketwin.analysis.scores import ScoreBook, add_scores
from spiketwin.analysis.screening import MATCHABLE, screen
from spiketwin.analysis.templates import Templates
from spiketwin.analysis.variability import activity, correlations, embedding, separation
from spiketwin.config import Analysis, resolve
from spiketwin.trials.features import window_matrix
from spiketwin.trials.trialset import Trials, TrialSet
from tests.artificial import two_area_trials

CONFIG = resolve(
    {
        "run": "r",
        "recordings": {"synthetic": {}, "mapping": {"behaviour": {"jaw": {"path": "x"}}}},
        "trials": {"window_s": [-0.1, 0.2]},
        "features": {
            "scales": [{"window_s": 0.048, "stride_s": 0.024}],
            "psth": {"window_s": 0.012, "stride_s": 0.006},
        },
        "models": {"m": {}},
        "analysis": {"outcome_area": "area2", "active_outcome": "Hit"},
    }
)


@pytest.fixture(scope="module")
def trials() -> Trials:
    return two_area_trials(draw=0, trials=400)


@pytest.fixture(scope="module")
def session(trials) -> Session:
    return sessions_of(trials, CONFIG)[0]


@pytest.fixture(scope="module")
def twin() -> Contender:
    """Another draw of the same law: what a perfect model would simulate."""
    drawn = two_area_trials(draw=1, trials=800).sessions[0]
    unnamed = replace(drawn, trials=drawn.trials.assign(outcome=""))
    return Contender("m", 0, {"session-0": unnamed})


@pytest.fixture(scope="module")
def table(session, twin):
    book = ScoreBook()
    for contender in [twin, *(reference(name, [session], 0) for name in REFERENCES)]:
        add_scores(book, contender, [session], CONFIG)
    return book.table()


def _value(table, contender, score, **labels):
    rows = table[(table["contender"] == contender) & (table["score"] == score)]
    rows = rows[(rows["session"] == "all") & (rows["area"] == labels.pop("area", ""))]
    for column, value in labels.items():
        rows = rows[rows[column] == value]
    return rows["value"].iloc[0]


@pytest.fixture(scope="module")
def readers(session):
    window = window_matrix(150, 0.002, CONFIG.features.psth)
    return train_readers([session], window, CONFIG.analysis)


def test_the_same_law_has_no_energy_distance_and_trivial_models_have_one(table):
    twin = _value(table, "m", "energy distance")
    trivial = [
        _value(table, name, "energy distance") for name in (PSTH, "flat Poisson", "trial shuffle")
    ]
    assert abs(twin) < 0.01 and min(trivial) > 0.03
    assert abs(_value(table, CEILING, "energy distance")) < 0.02
    assert _value(table, "m", "energy distance skill", reference=PSTH) > 0.9


def test_the_same_law_has_the_right_dispersion_and_averages_have_too_little(table):
    assert _value(table, "m", "variance ratio") == pytest.approx(1, abs=0.12)
    assert _value(table, PSTH, "variance ratio", area="area2") < 0.7


def test_the_published_score_hardly_sees_the_missing_variability(table):
    ratio = _value(table, PSTH, "matched Pearson") / _value(table, CEILING, "matched Pearson")
    assert ratio > 0.9


def test_the_mean_jaw_is_no_jaw(table):
    gained = _value(table, "m", "behaviour energy distance skill")
    assert gained > 0.9
    assert _value(table, PER_CONDITION, "behaviour energy distance skill") == pytest.approx(0)


def test_every_method_counts_the_hits(twin, readers):
    found = frequencies(twin, readers)
    hits = found[found["outcome"] == "Hit"].set_index("method")["frequency"]
    truth = (two_area_trials(draw=1, trials=800).sessions[0].trials["outcome"] == "Hit").mean()
    for method in ("template", "data threshold", "lick classifier"):
        assert hits[method] == pytest.approx(truth, abs=0.03), method


def _with_nogo(session: Session) -> Session:
    """The same jaw and activity are a hit where the animal was to lick, else a false alarm."""
    table = session.recorded.trials.copy()
    nogo = np.arange(len(table)) // 4 % 2 == 1
    renamed = table["outcome"].map({"Hit": "FA", "Miss": "CR"})
    table["condition"] = np.where(nogo, "nogo", "go")
    table["outcome"] = np.where(nogo, renamed, table["outcome"])
    return replace(session, recorded=replace(session.recorded, trials=table))


def _readers(session: Session) -> Readers:
    return train_readers([session], window_matrix(150, 0.002, CONFIG.features.psth), Analysis())


@pytest.mark.parametrize("method", ["lick classifier", "template"])
def test_read_outs_know_what_a_condition_allows(session, method):
    both = _with_nogo(session)
    known = _readers(both)
    found = frequencies(Contender("data", -1, {"session-0": both.test}), known)
    read = found[found["method"] == method].set_index("outcome")["frequency"]
    truth = both.test.trials["outcome"].value_counts(normalize=True)
    for outcome in ("Hit", "Miss", "FA", "CR"):
        assert read[outcome] == pytest.approx(truth[outcome], abs=0.03), outcome
    assert lick_accuracy(known) > 0.9


def test_a_template_is_judged_by_trials_that_it_was_made_without():
    """Against templates made anew without each trial; on noise, half of the trials are right."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(40, 200))
    outcome = np.repeat(["a", "b"], 20)
    allowed = np.ones((40, 2), bool)
    means = np.array([features[outcome == name].mean(0) for name in ("a", "b")])
    whole = Templates(("a", "b"), means, 0.0)
    expected = []
    for k in range(40):
        others = np.arange(40) != k
        left = [features[others & (outcome == name)].mean(0) for name in ("a", "b")]
        expected.append("ab"[int(np.argmin([((features[k] - m) ** 2).sum() for m in left]))])
    found = whole.label_left_out(features, outcome, allowed)
    assert list(found) == expected
    assert (whole.label(features, allowed) == outcome).mean() == 1
    assert (found == outcome).mean() < 0.75


def test_a_condition_that_decides_the_outcome_makes_no_template_usable(session):
    table = session.recorded.trials.assign(condition=session.recorded.trials["outcome"])
    decided = replace(session, recorded=replace(session.recorded, trials=table))
    assert _readers(session).templates["session-0"].usable
    assert not _readers(decided).templates["session-0"].usable


def _seen_in_area1(trials: TrialSet) -> TrialSet:
    """The area that responds on every trial, and no recorded outcome."""
    rows = np.flatnonzero(trials.units["area"] == "area1")
    return replace(
        trials,
        counts=trials.counts[:, :, rows],
        units=trials.units.iloc[rows].reset_index(drop=True),
        trials=trials.trials.assign(outcome=""),
    )


def test_trials_are_named_by_behaviour_where_activity_says_nothing(trials, twin):
    silent = replace(_seen_in_area1(trials.sessions[0]), trials=trials.sessions[0].trials)
    seen = sessions_of(Trials((silent,), trials.stitching), CONFIG)[0]
    readers = _readers(seen)
    assert not readers.templates["session-0"].usable
    truth = two_area_trials(draw=1, trials=800).sessions[0].trials["outcome"].to_numpy(dtype=str)
    simulated = _seen_in_area1(twin.trials["session-0"])
    labels = readers.labels(seen, simulated)
    assert (labels == truth).mean() > 0.95
    course = activity(Contender("m", 0, {"session-0": simulated}), readers)
    assert set(course["outcome"]) == {"all", "Hit", "Miss"}
    assert set(replace(readers, lick=None).labels(seen, simulated)) == {"all"}


def test_embedding_shows_four_hundred_trials_in_the_plane_of_the_recorded_ones(twin, readers):
    """The component that tells most is whether the second area responds."""
    found = embedding(twin, readers)
    assert len(found) == 400 < len(twin.trials["session-0"].trials)
    recorded = embedding(Contender("data", -1, {"session-0": readers.sessions[0].test}), readers)
    for table in (found, recorded):
        mean = table.groupby("outcome")["pc1"].mean()
        assert abs(mean["Hit"] - mean["Miss"]) > 3 * table.groupby("outcome")["pc1"].std().max()
    share, truth = ((t["outcome"] == "Hit").mean() for t in (found, recorded))
    assert share == pytest.approx(truth, abs=0.08)


def test_trivial_models_miss_the_two_modes(session, readers):
    recorded = Contender("data", -1, {"session-0": session.test})
    found = [
        separation(c, readers)["value"].iloc[0] for c in (recorded, reference(PSTH, [session], 0))
    ]
    assert found[1] < 0.75 * found[0]


def test_jaw_is_predicted_from_neural_activity_alone(session, twin):
    predicted = predict(session, twin.trials["session-0"], 0)
    recorded = session.test.behaviour
    error = {name: ((p - recorded) ** 2).mean() for name, p in predicted.by_predictor.items()}
    assert error["matched"] < 0.4 * error["condition mean"]
    assert error["matched"] < 0.3 * error["shuffled"]


def test_neighbours_come_from_the_condition_where_it_has_fewer_than_wanted(trials):
    """Without validation trials ten neighbours are wanted; condition b has two simulated trials."""
    recorded = trials.sessions[0]
    table = recorded.trials.assign(
        condition="b", split=recorded.trials["split"].replace("validation", "train")
    )
    session = sessions_of(replace(trials, sessions=(replace(recorded, trials=table),)), CONFIG)[0]
    drawn = two_area_trials(draw=1, trials=40).sessions[0]
    conditions = np.where(np.arange(40) < 2, "b", "a")
    simulated = replace(drawn, trials=drawn.trials.assign(condition=conditions))
    matched = predict(session, simulated, 0).by_predictor["matched"]
    np.testing.assert_allclose(matched, np.broadcast_to(drawn.behaviour[:2].mean(0), matched.shape))


def test_poisson_neurons_have_unit_fano_and_shuffling_leaves_no_correlation(session):
    poisson = reference(PSTH, [session], 0)
    assert np.nanmean(fano_factors(poisson.trials["session-0"])) == pytest.approx(1, abs=0.05)
    shuffled = reference("trial shuffle", [session], 0)
    pairs = correlations(shuffled, [session]).set_index("kind")["mean"]
    assert pairs.abs().max() < 0.02
    recorded = Contender("data", -1, {"session-0": session.recorded})
    assert correlations(recorded, [session]).set_index("kind")["mean"]["within area2"] > 0.05


def test_intervals_of_a_regular_train_do_not_vary(session):
    counts = np.zeros_like(session.recorded.counts)
    counts[:, ::10] = 1
    assert np.nanmax(isi_cvs(replace(session.recorded, counts=counts))) < 1e-6


def test_psth_correlation_of_the_test_trials_with_themselves_is_one(session):
    window = window_matrix(150, 0.002, CONFIG.features.psth)
    found = psth_correlations(session.test, session.test, window)
    np.testing.assert_allclose(found[np.isfinite(found)], 1)


def test_outcomes_are_separated_in_the_data(session, readers):
    data = Contender("data", -1, {"session-0": session.test})
    assert separation(data, readers)["value"].iloc[0] > 3


def test_screening_sees_variability_where_there_is_some_and_none_where_there_is_none(trials):
    assert screen(trials, CONFIG).set_index("quantity")["value"][MATCHABLE] == 1
    session = trials.sessions[0]
    generator = np.random.default_rng(0)
    poisson = replace(
        session, counts=generator.poisson(session.counts.mean(0), session.counts.shape)
    )
    table = screen(Trials((poisson,), trials.stitching), CONFIG)
    assert table.set_index("quantity")["value"][MATCHABLE] == 0
    ratio = table[table["quantity"] == "co-variability over Poisson"]["value"]
    np.testing.assert_allclose(ratio, 1, atol=0.1)


def test_references_keep_the_conditions_and_never_look_at_test_counts(session):
    for name in REFERENCES[1:]:
        made = reference(name, [session], 0).trials["session-0"]
        changed = replace(session.recorded, counts=session.recorded.counts.copy())
        changed.counts[(changed.trials["split"] == "test").to_numpy()] = 9
        other = reference(name, [replace(session, recorded=changed)], 0).trials["session-0"]
        np.testing.assert_array_equal(made.counts, other.counts)


def test_published_threshold_is_a_setting():
    assert Analysis().active_hz == 30


def _gained(session: Session, gains: np.ndarray, generator: np.random.Generator) -> Contender:
    """Poisson units with one gain (trial, bin of `BIN_S`, area of the unit) each."""
    units = session.test.units
    joined = round(BIN_S / session.test.bin_s)
    which = (units["area"] == session.features.areas[1]).to_numpy(dtype=int)
    per_bin = np.repeat(gains, joined, axis=1)[:, :, which]
    counts = generator.poisson(0.04 * per_bin).astype(np.uint8)
    bins, trials = counts.shape[1], len(counts)
    template = session.test.take(np.zeros(trials, int))
    behaviour = np.zeros((trials, bins, 0), np.float32)
    made = replace(template, counts=counts, behaviour=behaviour, traces=())
    return Contender("m", 0, {session.name: made})


def _covariance(table, session, a, b, lag):
    first, second = session.features.areas[a], session.features.areas[b]
    rows = table[(table["first"] == first) & (table["second"] == second)]
    return rows.loc[np.isclose(rows["lag_s"], lag * BIN_S), "covariance"].iloc[0]


def test_shared_covariances_are_the_variance_of_the_gain_and_show_which_area_follows(session):
    generator = np.random.default_rng(0)
    fast = 1 + 0.5 * generator.choice([-1, 1], (400, 24))
    gains = np.stack([fast[:, 2:], fast[:, :-2]], 2)  # the second area follows two bins later
    table = covariances(_gained(session, gains, generator), [session])
    for area in (0, 1):
        assert _covariance(table, session, area, area, 0) == pytest.approx(0.25, rel=0.1)
        assert abs(_covariance(table, session, area, area, 1)) < 0.02
    assert _covariance(table, session, 0, 1, 2) == pytest.approx(0.25, rel=0.1)
    assert abs(_covariance(table, session, 0, 1, -2)) < 0.02


def test_independent_neurons_share_nothing_however_few_trials_there_are(session):
    generator = np.random.default_rng(1)
    few = [_gained(session, np.ones((6, 22, 2)), generator) for _ in range(40)]
    values = [_covariance(covariances(one, [session]), session, 0, 0, 0) for one in few]
    assert abs(np.mean(values)) < 3.5 * np.std(values) / np.sqrt(len(values))
    slow = np.repeat(generator.gamma(25, 0.04, (400, 1, 2)), 22, axis=1)
    table = covariances(_gained(session, slow, generator), [session])
    assert _covariance(table, session, 0, 0, 5) == pytest.approx(0.04, rel=0.3)
    assert abs(_covariance(table, session, 0, 1, 0)) < 0.01
