"""Published numbers beside ours: figures 2 to 4 and training curves of Sourmpis et al. (2023).

`published.csv` holds the numbers by variant of the published models, `published-spread.csv` what is
known of their spread; a run names the variant that each of its models stands for
(`analysis.published`). Losses are on the published scale,

    10 * neuron loss + 100 * trial loss    (20 and 20 with a discriminator),

averaged over 99 steps that end with the one named. Our neuron loss subtracts the sampling variance
unless `losses.neuron.unbiased` is false; losses of models with another trial loss than the variant,
and test losses, have no counterpart here. Our correlations are on test trials; matched ones compare
area averages, the published ones of recordings the jaw besides.
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
MATCHED = "matched correlation (published formula), test trials"
SCORES = {
    "matched correlation (published formula), last": "matched Pearson (published formula)",
    MATCHED: "matched Pearson (published formula)",
    "matched correlation (Pearson)": "matched Pearson",
    "PSTH correlation": "PSTH correlation",
    "PSTH correlation / ceiling": "PSTH correlation / ceiling",
    "accuracy of the lick classifier": "lick classifier accuracy",
}
ERRORS = ("template", "lick classifier")
"""Read-outs of outcomes whose errors are added up."""
DATA = "data"
OF_RECORDINGS = ", recordings"
"""How variants end that were fitted to recordings, and the data of figures 3 and 4."""
COLUMNS = [
    "quantity", "variant", "contender", "published", "published_spread", "value", "sd", "data",
    "source",
]  # fmt: skip
OURS_ALONE = "not published"
"""Source of what has no published number."""


def reference() -> pd.DataFrame:
    """Published numbers, a row per quantity, a column per variant and per kind of data."""
    return _packaged("published.csv")


def spreads() -> pd.DataFrame:
    """Published spreads, of the same form; what each is a spread of stands in the source."""
    return _packaged("published-spread.csv")


def _packaged(name: str) -> pd.DataFrame:
    with (resources("spiketwin.analysis") / name).open(encoding="utf-8") as stream:
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
    data = {
        **_outcomes(config, outcomes, DATA, -1),
        **_scores(scores, CEILING, -1),
        **_scores(scores, DATA, -1),
    }
    asked = config.analysis.published
    kinds = dict.fromkeys(DATA + _kind(variant) for variant in asked.values())
    parts = [_beside(kind, DATA, [data], data) for kind in kinds]
    for name, variant in asked.items():
        model = config.gradient_models[name]
        ours = [
            _against(
                data,
                {
                    **_outcomes(config, outcomes, name, seed),
                    **_scores(scores, name, seed),
                    **_fit(fits, name, seed),
                    **_losses(_history(files, name, seed), variant, model),
                },
            )
            for seed in config.seeds
        ]
        parts.append(_beside(variant, name, ours, data))
    order = list(reference()["quantity"])
    table = pd.concat(parts, ignore_index=True).dropna(subset=["published", "value"], how="all")
    return table.sort_values("quantity", key=lambda names: names.map(order.index), kind="stable")


def _kind(variant: str) -> str:
    return OF_RECORDINGS if variant.endswith(OF_RECORDINGS) else ""


def _beside(
    variant: str, contender: str, ours: list[dict[str, float]], data: dict[str, float]
) -> pd.DataFrame:
    """Published numbers of a variant beside those of every fit seed and of the data."""
    numbers = reference()
    known = numbers[variant].notna() | (numbers["source"] == OURS_ALONE)
    table = numbers.loc[known, ["quantity", "source"]].assign(
        variant=variant,
        contender=contender,
        published=numbers[variant],
        published_spread=numbers["quantity"].map(spreads().set_index("quantity")[variant]),
    )
    found = pd.DataFrame(ours).reindex(columns=table["quantity"]).T.reset_index(drop=True)
    measured = {"value": found.mean(axis=1), "sd": found.std(axis=1)}
    own = table["quantity"].map(data)
    return table.reset_index(drop=True).assign(**measured, data=own.to_numpy())[COLUMNS]


def _history(files: RunFiles, model: str, seed: int) -> pd.DataFrame:
    return pd.read_parquet(files.fit(model, seed) / "history.parquet")


def _outcomes(
    config: Config, outcomes: pd.DataFrame, contender: str, seed: int
) -> dict[str, float]:
    """Frequencies of outcomes by every read-out; hits are trials with the active outcome."""
    mine = outcomes[(outcomes["contender"] == contender) & (outcomes["seed"] == seed)]
    named = mine["outcome"] + ", " + mine["method"]
    found: dict[str, float] = dict(zip(named, mine["frequency"], strict=True))
    active = {n: f"{config.analysis.active_outcome}, {method}" for n, method in HITS.items()}
    return found | {name: found[key] for name, key in active.items() if key in found}


def _scores(scores: pd.DataFrame, contender: str, seed: int) -> dict[str, float]:
    """Scores at the first time scale, mean over sessions."""
    mine = scores[(scores["contender"] == contender) & (scores["seed"] == seed)]
    mine = mine[(mine["session"] == "all") & (mine["area"] == "")].drop_duplicates("score")
    found = dict(zip(mine["score"], mine["value"], strict=True))
    return {name: found[score] for name, score in SCORES.items() if score in found}


def _against(data: dict[str, float], ours: dict[str, float]) -> dict[str, float]:
    """With what compares them with the data: errors of outcomes, the share of the ceiling."""
    found = dict(ours)
    for method in ERRORS:
        names = [name for name in ours if name.endswith(f", {method}") and name not in HITS]
        if names:
            error = sum(abs(ours[name] - data.get(name, 0.0)) for name in names)
            found[f"summed error of outcomes, {method}"] = error
    if MATCHED in ours and MATCHED in data:
        found["matched correlation (published formula) / ceiling"] = ours[MATCHED] / data[MATCHED]
    return found


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
