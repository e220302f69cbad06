"""Published numbers beside ours: figure 2 and the training curves of Sourmpis et al. (2023).

`published.csv` holds the numbers by variant of the published models; a run names the variant that
each of its models stands for (`analysis.published`). Losses are on the published scale,

    10 * neuron loss + 100 * trial loss    (20 and 20 with a discriminator),

averaged over 99 steps that end with the one named. Our neuron loss subtracts the sampling variance
unless `losses.neuron.unbiased` is false; losses of models with another trial loss than the variant,
and test losses, have no counterpart here. Our correlations are on test trials.
"""

from __future__ import annotations

from importlib.resources import files as resources

import pandas as pd

from spiketwin.analysis.references import CEILING
from spiketwin.config import Config, Model
from spiketwin.files import RunFiles

LOG = 99
"""Steps of a published log."""
METHODS = {
    "no TM": "none",
    "hard TM": "hard",
    "soft TM": "sinkhorn",
    "spikeT-GAN": "spiket-gan",
    "soft TM, recordings": "sinkhorn",
    "no TM, recordings": "none",
}
"""Trial losses (`losses.trial.method`) that are the published ones."""
WEIGHTS = {"spikeT-GAN": (20.0, 20.0)}
PLAIN = (10.0, 100.0)
HITS = {"hits, 30 Hz threshold": "published threshold", "hits, template": "template"}
MATCHED = {
    "matched correlation (published formula), last": "matched Pearson (published formula)",
    "matched correlation (Pearson)": "matched Pearson",
}
DATA = "data"
COLUMNS = ["quantity", "variant", "contender", "published", "value", "sd", "data", "source"]
OURS_ALONE = "not published"
"""Source of what has no published number."""


def reference() -> pd.DataFrame:
    """Published numbers, a row per quantity, a column per variant."""
    path = resources("spiketwin.analysis") / "published.csv"
    with path.open(encoding="utf-8") as stream:
        return pd.read_csv(stream)


def published_table(
    config: Config,
    files: RunFiles,
    scores: pd.DataFrame,
    outcomes: pd.DataFrame,
    fits: pd.DataFrame,
) -> pd.DataFrame:
    """Every published quantity of the variants that the run's models stand for.

    Parameters
    ----------
    config, files : the run; its histories are read.
    scores, outcomes, fits : tables of these names.
    """
    data = {**_hits(config, outcomes, DATA, -1), **_matched(scores, CEILING, -1)}
    parts = [_beside(DATA, DATA, [data], data)]
    for name, variant in config.analysis.published.items():
        ours = [
            {
                **_hits(config, outcomes, name, seed),
                **_matched(scores, name, seed),
                **_fit(fits, name, seed),
                **_losses(_history(files, name, seed), variant, config.gradient_models[name]),
            }
            for seed in config.seeds
        ]
        parts.append(_beside(variant, name, ours, data))
    order = list(reference()["quantity"])
    table = pd.concat(parts, ignore_index=True).dropna(subset=["published", "value"], how="all")
    return table.sort_values("quantity", key=lambda names: names.map(order.index), kind="stable")


def _beside(
    variant: str, contender: str, ours: list[dict[str, float]], data: dict[str, float]
) -> pd.DataFrame:
    """Published numbers of a variant beside those of every fit seed and of the data."""
    numbers = reference()
    known = numbers[variant].notna() | (numbers["source"] == OURS_ALONE)
    table = numbers.loc[known, ["quantity", "source"]].assign(
        variant=variant, contender=contender, published=numbers[variant]
    )
    found = pd.DataFrame(ours).reindex(columns=table["quantity"]).T.reset_index(drop=True)
    measured = {"value": found.mean(axis=1), "sd": found.std(axis=1)}
    own = table["quantity"].map(data)
    return table.reset_index(drop=True).assign(**measured, data=own.to_numpy())[COLUMNS]


def _history(files: RunFiles, model: str, seed: int) -> pd.DataFrame:
    return pd.read_parquet(files.fit(model, seed) / "history.parquet")


def _hits(config: Config, outcomes: pd.DataFrame, contender: str, seed: int) -> dict[str, float]:
    """Fraction of trials with the active outcome."""
    mine = outcomes[(outcomes["contender"] == contender) & (outcomes["seed"] == seed)]
    mine = mine[mine["outcome"] == config.analysis.active_outcome]
    found = dict(zip(mine["method"], mine["frequency"], strict=True))
    return {name: found[method] for name, method in HITS.items() if method in found}


def _matched(scores: pd.DataFrame, contender: str, seed: int) -> dict[str, float]:
    """Matched correlations at the first time scale, mean over sessions."""
    mine = scores[(scores["contender"] == contender) & (scores["seed"] == seed)]
    mine = mine[(mine["session"] == "all") & (mine["area"] == "")].drop_duplicates("score")
    found = dict(zip(mine["score"], mine["value"], strict=True))
    return {name: found[score] for name, score in MATCHED.items() if score in found}


def _fit(fits: pd.DataFrame, model: str, seed: int) -> dict[str, float]:
    (row,) = fits[(fits["model"] == model) & (fits["seed"] == seed)].to_dict("records")
    return {"steps": float(row["steps"]), "seconds of fitting": float(row["seconds"])}


def _losses(history: pd.DataFrame, variant: str, model: Model) -> dict[str, float]:
    """Losses on the published scale; the neuron loss alone where the trial loss is another."""
    neuron, trial = WEIGHTS.get(variant, PLAIN)
    curves = pd.DataFrame({"neuron loss": neuron * history["loss_neuron"]})
    if model.losses.trial.method == METHODS.get(variant):
        curves["trial loss"] = trial * history["loss_trial"]
        curves["training loss"] = curves.sum(axis=1)
    found: dict[str, float] = {}
    for name, curve in curves.items():
        logs = curve.groupby((history["step"] - 1) // LOG).mean().iloc[: len(curve) // LOG]
        found |= {f"{name}, first step": curve.iloc[0], f"{name}, last": curve.tail(LOG).mean()}
        found |= {f"{name}, step {LOG * (k + 1)}": value for k, value in enumerate(logs)}
        found |= {f"{name}, least": logs.min()}
    return found
