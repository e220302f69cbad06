"""Reading a configuration: safe YAML, shared defaults merged into models, errors in one line."""

from __future__ import annotations

import difflib
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

import yaml
from pydantic import Discriminator, Field, Tag, ValidationError, model_validator

from spiketwin.config.analysis import Analysis
from spiketwin.config.models import Model
from spiketwin.config.network import InputGroup
from spiketwin.config.rates import BalancedNetwork, RateModel, TargetRun
from spiketwin.config.recordings import Recordings
from spiketwin.config.section import Name, Section
from spiketwin.config.shared import merge, with_targets
from spiketwin.config.trials import Features, TrialWindow
from spiketwin.errors import SpiketwinError

SHARED = ("network", "losses", "learning", "cue")
"""Top-level blocks that every model starts from."""


def _method(value: object) -> str:
    """Tag of a model: its learning method."""
    if isinstance(value, dict):
        learning = value.get("learning") or {}
        found = learning.get("method", "gradient") if isinstance(learning, dict) else "gradient"
        return "rls" if found == "rls" else "gradient"
    return "rls" if isinstance(value, RateModel) else "gradient"


AnyModel = Annotated[
    Annotated[Model, Tag("gradient")] | Annotated[RateModel, Tag("rls")], Discriminator(_method)
]


class Config(Section):
    """A run: recordings, trials, features, models, seeds."""

    run: Name
    """Name of the run; its results go to `results/RUN`."""
    description: str = ""
    """One sentence for the front page of the report."""
    recordings: Recordings
    trials: TrialWindow
    features: Features = Features()
    models: dict[Name, AnyModel] = Field(min_length=1)
    """Named variants. In the file, `network`, `losses` and `learning` at the top level are what
    all models share; a model names only what differs. Models whose own `learning.method` is
    another one (rls) share nothing."""
    seeds: list[int] = Field(default=[0], min_length=1)
    """Seeds of the fits."""
    analysis: Analysis = Analysis()

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        for name, model in self.gradient_models.items():
            _check_step(name, model, self.trials.bin_s)
            _check_delays(name, model, self.trials.window_s)
            _check_stimuli(name, model.network.inputs, set(self.recordings.mapping.stimuli))
        for name, rated in self.models.items():
            if isinstance(rated, RateModel):
                _check_rates(name, rated, self)
        strange = sorted(self.analysis.published.keys() - self.gradient_models.keys())
        if strange:
            raise ValueError(
                f"analysis.published names {strange[0]!r}, no model fitted by gradient"
            )
        others = self.models.keys() - self.gradient_models.keys()
        if others and self.analysis.perturbations:
            raise ValueError(
                "analysis.perturbations are for models fitted by gradient; found also "
                f"{', '.join(sorted(others))}"
            )
        return self

    @property
    def gradient_models(self) -> dict[str, Model]:
        """Models fitted by gradient descent."""
        return {name: m for name, m in self.models.items() if isinstance(m, Model)}


def _check_step(name: str, model: Model, bin_s: float) -> None:
    ratio = bin_s / model.network.step_s
    if round(ratio) < 1 or abs(ratio - round(ratio)) > 1e-6:
        raise ValueError(
            f"trials.bin_s {bin_s:g} s is not a multiple of network.step_s "
            f"{model.network.step_s:g} s of model {name!r}"
        )


def _check_delays(name: str, model: Model, window_s: tuple[float, float]) -> None:
    step_s, longest_s = model.network.step_s, window_s[1] - window_s[0]
    for delay_s in model.network.delays_s:
        steps = delay_s / step_s
        if round(steps) < 1 or abs(steps - round(steps)) > 1e-6 * steps or delay_s >= longest_s:
            raise ValueError(
                f"a delay of {delay_s:g} s in network.delays_s of model {name!r}; expected a "
                f"multiple of network.step_s {step_s:g} s below the {longest_s:g} s of "
                "trials.window_s"
            )


def _check_rates(name: str, model: RateModel, config: Config) -> None:
    every_s, step_s, bin_s = model.learning.every_s, model.network.step_s, config.trials.bin_s
    window_s = config.trials.window_s[1] - config.trials.window_s[0]
    if config.recordings.mapping.behaviour:
        raise ValueError(
            f"model {name!r} is fitted by rate matching and has no behaviour; leave "
            "recordings.mapping.behaviour out of its run"
        )
    for what, ratio in (
        (f"learning.every_s {every_s:g} s is not a multiple of trials.bin_s", every_s / bin_s),
        (f"trials.bin_s is not a multiple of network.step_s {step_s:g} s", bin_s / step_s),
        (
            f"trials.window_s is not a multiple of learning.every_s {every_s:g} s",
            window_s / every_s,
        ),
    ):
        if round(ratio) < 1 or abs(ratio - round(ratio)) > 1e-6 * ratio:
            raise ValueError(f"model {name!r}: {what} (trials.bin_s is {bin_s:g} s)")
    if model.targets is not None:
        raise ValueError(
            f"model {name!r} has targets; in a run on recordings they are made from trials"
        )
    if isinstance(model.network, BalancedNetwork):
        _check_stimuli(name, model.network.inputs, set(config.recordings.mapping.stimuli))


def _check_stimuli(name: str, groups: Sequence[InputGroup], known: set[str]) -> None:
    for group in groups:
        if group.stimulus is not None and group.stimulus not in known:
            raise ValueError(
                f"input {group.name!r} of model {name!r} names stimulus {group.stimulus!r}; "
                f"recordings.mapping.stimuli has: {', '.join(sorted(known)) or 'none'}"
            )


def resolve(raw: AnyMapping[str, Any], source: str = "configuration") -> Config:
    """Check the configuration of a run on recordings, given as nested dictionaries.

    Raises
    ------
    SpiketwinError
        On an unknown key (naming the nearest valid one), a wrong type or an impossible value.
    """
    return _resolved(Config, raw, source)


def resolve_targets(raw: AnyMapping[str, Any], source: str = "configuration") -> TargetRun:
    """Check the configuration of a run on given targets, as `resolve`."""
    return _resolved(TargetRun, raw, source)


R = TypeVar("R", Config, TargetRun)


def _resolved(root: type[R], raw: AnyMapping[str, Any], source: str) -> R:
    blocks = dict(raw)
    shared = {key: blocks.pop(key) for key in SHARED if key in blocks}
    same = root is TargetRun
    if same:
        blocks["models"] = with_targets(blocks)
    models = blocks.get("models")
    if isinstance(models, dict):
        blocks["models"] = {n: _with_shared(shared, m or {}, same) for n, m in models.items()}
    elif models is None:
        raise SpiketwinError(f"{source}: models: needed, a dictionary of named models")
    try:
        return root.model_validate(blocks)
    except ValidationError as error:
        raise SpiketwinError(f"{source}: {explain(error, root)}") from None


def _with_shared(shared: AnyMapping[str, Any], model: Any, same: bool) -> Any:
    """A model with what all share, unless it is learned by another method than these.

    `same`: all models of the run are learned by one method."""
    if not isinstance(model, dict):
        return model
    given = model.get("learning")
    own = given.get("method") if isinstance(given, dict) else None
    return merge(shared, model) if same or own in (None, _method(shared)) else model


def read_config(path: Path) -> Config:
    """Read and check the YAML configuration of a run on recordings."""
    raw = _read(path)
    if "targets" in raw:
        raise SpiketwinError(f"{path} has given targets and no recordings; this needs recordings")
    return resolve(raw, str(path))


def read_run(path: Path) -> Config | TargetRun:
    """Read and check a YAML configuration of either kind."""
    raw = _read(path)
    return resolve_targets(raw, str(path)) if "targets" in raw else resolve(raw, str(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        raw = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise SpiketwinError(f"no configuration at {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise SpiketwinError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise SpiketwinError(
            f"{path}: expected a YAML dictionary with run, recordings, trials, models"
        )
    return raw


def dump_config(config: Config | TargetRun) -> str:
    """The resolved configuration as YAML."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


TAGS = ("gradient", "rls", "balanced", "filtered", "two-area", "delayed-whisker", "labels", "width")
"""Words that pydantic puts into the place of a problem without being keys."""


def explain(error: ValidationError, root: type[Section]) -> str:
    """First problem of a validation, in one line."""
    problem = error.errors()[0]
    place = [part for k, part in enumerate(problem["loc"]) if k < 2 or part not in TAGS]
    where = ".".join(str(part) for part in place)
    if problem["type"] == "extra_forbidden":
        return f"{where}: unknown key{_nearest(place, root)}"
    told = problem["type"] == "missing" or isinstance(problem["input"], dict)
    found = "" if told else f" (found {problem['input']!r:.80})"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where or 'configuration'}: {message}{found if where else ''}"


def _nearest(location: Sequence[int | str], root: type[Section]) -> str:
    """Nearest valid keys at the place of an unknown key."""
    shared = [] if location[:-1] else list(SHARED)
    keys = sorted([*_keys_at(root, list(location[:-1])), *shared])
    close = difflib.get_close_matches(str(location[-1]), keys, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known here: {', '.join(keys)}" if keys else ""


def _keys_at(section: Any, path: list[int | str]) -> list[str]:
    """Keys of the section that a location of pydantic leads to."""
    sections = [section]
    for part in path:
        sections = [inner for outer in sections for inner in _inside(outer, part)]
    return sorted({key for found in sections for key in found.model_fields})


def _inside(section: Any, part: int | str) -> list[Any]:
    field = section.model_fields.get(part) if isinstance(part, str) else None
    return _sections(field.annotation) if field is not None else [section]


def _sections(annotation: Any) -> list[Any]:
    """All configuration sections that an annotation mentions."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    inner = getattr(annotation, "__args__", ())
    return [section for part in inner for section in _sections(part)]
