"""What to see in each figure; the archive form of the report says the same sentences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Caption:
    """Title and text of a figure."""

    title: str
    text: str


CAPTIONS = {
    "scores": Caption(
        "Scores at a glance",
        "Top: unbiased energy distance between simulated and held-out recorded single trials, 0 "
        "when their laws agree (symmetric logarithmic axis; bars: one standard deviation). The "
        "grey band is the ceiling, another half of the data, with two standard deviations: a model "
        "inside it cannot be told from the animal. Beside each model: its skill against "
        "PSTH-Poisson / Poisson per condition. Below: single-trial variance over the recorded one "
        "(grey: 0.9 to 1.1; small marks: areas) and the correlation of single neurons' PSTHs with "
        "held-out ones (dashed: ceiling).",
    ),
    "screening": Caption(
        "Is there something to match?",
        "Properties of the recording alone, a dot per session. Energy distances of models without "
        "shared variability should lie clearly above that of the other half of the data; "
        "co-variability above 1 means that units vary together more than independent Poisson "
        "neurons. Where neither holds, a skill says nothing about the model.",
    ),
    "rasters": Caption(
        "Single trials and trial averages",
        "Top: spikes of a few trials of one session, recorded and simulated, units stacked by area "
        "(colour). Below: trial-averaged rates of example neurons. Simulated spikes should have "
        "the recorded rates and vary as much from trial to trial; averages should lie on the "
        "data's (black).",
    ),
    "activity": Caption(
        "Area activity per outcome",
        "Mean activity of each area over all trials (top) and within each outcome; the band is one "
        "standard error of the data, a line per seed for the models. A model without trial "
        "matching may agree on average and differ within outcomes.",
    ),
    "distribution": Caption(
        "Distribution of single-trial activity",
        "Peak activity of single trials: data filled, models and a Poisson model of the average "
        "trial as lines. Two groups of trials in the data (an area responds or does not) should be "
        "two groups in the model.",
    ),
    "rates": Caption(
        "Rates of single neurons",
        "Mean rate of every neuron in the window: data filled, models and the other half of the "
        "data as lines; excitatory neurons above the axis, inhibitory ones below, each type a "
        "whole. Simulated neurons should be as unequal as recorded ones; how far the other half of "
        "the data is from the data is what the few trials leave open.",
    ),
    "outcomes": Caption(
        "Outcome frequencies",
        "Share of trials of each outcome by every read-out, with 95 % binomial intervals; black "
        "line and band: all recorded trials. A single threshold can agree by accident; several "
        "read-outs together do not.",
    ),
    "jaw": Caption(
        "Behaviour: averages and prediction",
        "Top: average movement per outcome (bands: one standard error). Middle: held-out recorded "
        "trials and the movement of the simulated trials matched to them on neural activity alone. "
        "Below: scores of this prediction; it should beat the same predictions given to wrong "
        "trials (shuffled) and the mean of the condition.",
    ),
    "states": Caption(
        "States besides the outcomes",
        "Movement that no outcome tells, found by clustering what is left of the behaviour "
        "when the mean of the outcome is subtracted. Left: share of trials with more movement"
        " (line and band: data); above it the agreement of the clusters with a label of the "
        "recording, if there is one. Right: mean rate in these trials minus that in the "
        "others.",
    ),
    "embedding": Caption(
        "Trial embedding",
        "Single trials in the plane of the first two principal components of the recorded "
        "features; grey: recorded trials. Simulated trials should fill the same clouds in the same "
        "shares.",
    ),
    "variability": Caption(
        "Modes, separation and noise correlations",
        "Share of single-trial variance in the leading modes, separation of outcomes, and noise "
        "correlations within and across areas (dots: sessions; dashes: means). Independent Poisson "
        "models have no noise correlations.",
    ),
    "covariances": Caption(
        "Shared fluctuations over time lags",
        "Covariance of the spikes of different neurons within an area (each area once) and "
        "between areas recorded together, over the lag between them, without the mean of the "
        "condition and relative to the product of the rates: 0 for independent neurons, the "
        "variance of the gain where one gain multiplies all rates. A model whose line lacks the "
        "peak of the data at lag 0 is missing fast shared fluctuations, one that lies below it "
        "everywhere slow ones.",
    ),
    "training": Caption(
        "Training",
        "Losses, held-out energy distance, mean rate, learning rate and batch over the steps, a "
        "line per seed. Circle: the model that was kept, the one with the smallest held-out "
        "energy distance (area activity, and behaviour where there is some).",
    ),
    "connectivity": Caption(
        "Connectivity",
        "Mean fitted weight from each population (column) to each population (row); E excitatory, "
        "I inhibitory, grey: no connection.",
    ),
    "currents": Caption(
        "Currents between areas",
        "Recurrent current that the neurons of an area (column) receive from every area "
        "(colour) in the course of the trial, excitation and inhibition together, in units of"
        " the firing threshold; a line per seed. Lines of several seeds that agree are a "
        "finding, lines that do not are not.",
    ),
    "perturbations": Caption(
        "Perturbations",
        "What a current into some neurons does to the same simulated trials. Top: change of "
        "the share of trials of each outcome (marks: seeds; bars: 95 % binomial interval of "
        "one seed). Below: mean activity of the areas without (dashed) and with the current "
        "(solid), which flows in the grey window.",
    ),
}
