"""Command line: one thin sub-command per stage."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from spiketwin.errors import SpiketwinError

if TYPE_CHECKING:
    from spiketwin.config import Config, TargetRun
    from spiketwin.files import RunFiles

PERTURB = (
    "a current into some neurons, beside those of the configuration (repeatable): "
    "area=A,cells=inhibitory,current=0.5,window=0:0.1[,name=N]"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 done, 1 something the user can mend, 2 wrong usage, 130 interrupted."""
    # NumPy's own threads gain nothing on matrices of this size, and waste up to a hundred times the
    # time waiting for each other where other jobs run; read when NumPy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    given = _parser().parse_args(arguments)
    try:
        given.run(given)
    except (SpiketwinError, PermissionError) as error:
        if given.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "interrupted; run the same command again, a fit goes on from its checkpoint",
            file=sys.stderr,
        )
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spiketwin", description="Fit a spiking twin to your recording."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_describe(commands)
    _add_convert(commands)
    _command(commands, "warm-up", _warm_up, "compile the kernels now, not at the first fit")
    for name, run, text in STAGES:
        stage = _command(commands, name, run, text)
        stage.add_argument("--config", type=Path, required=True, help="YAML configuration")
        stage.add_argument("--results", type=Path, default=Path("results"), help="results folder")
        if name in {"synthesize", "prepare"}:
            stage.add_argument("--recordings", type=Path, help="folder of the recordings")
        if name in {"fit", "simulate"}:
            stage.add_argument("--model", required=True, help="model of the configuration")
            stage.add_argument("--seed", type=int, default=0, help="seed of the fit")
        if name == "simulate":
            stage.add_argument("--perturb", action="append", default=[], metavar="KEY=VALUE,...",
                               help=PERTURB)  # fmt: skip
        if name in {"fit", "simulate", "plot"}:
            stage.add_argument("--threads", type=int, default=1, help="threads (plot: processes)")
        if name == "fit":
            stage.add_argument("--fresh", action="store_true", help="ignore a checkpoint")
        if name == "plot":
            stage.add_argument("--figure", action="append", help="figure (repeatable; default all)")
    _add_mechanism(commands)
    return parser


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    name: str,
    run: Callable[[argparse.Namespace], None],
    text: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=text, description=text)
    command.add_argument("--debug", action="store_true", help="show tracebacks")
    command.set_defaults(run=run)
    return command


def _add_describe(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "show what an NWB file holds, and write a configuration for it"
    command = _command(commands, "describe", _describe, text)
    command.add_argument("file", type=Path, help="NWB file or Zarr folder")
    command.add_argument("--write-config", type=Path, metavar="FILE", help="write a configuration")


def _add_convert(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "write spikeData_v9.mat (Esmaeili et al. 2021) as NWB"
    command = _command(commands, "convert", _convert, text)
    command.add_argument("file", type=Path, help="the MATLAB file")
    command.add_argument("folder", type=Path, help="where the NWB files go")


def _convert(given: argparse.Namespace) -> None:
    from spiketwin.recording.convert import convert

    written = convert(given.file, given.folder)
    print(
        f"wrote {len(written)} sessions and {given.folder / 'sessions.yaml'}; run them with: "
        f"snakemake --configfile workflow/config/delayed-whisker.yaml "
        f"{given.folder / 'sessions.yaml'}"
    )


def _add_mechanism(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    text = "perturb students and their teacher alike, and compare (runs of both must be finished)"
    command = _command(commands, "mechanism", _mechanism, text)
    command.add_argument("--config", type=Path, required=True, help="configuration of the students")
    command.add_argument("--teacher", type=Path, required=True, help="configuration of the teacher")
    command.add_argument(
        "--other-teacher", type=Path, help="one with another mechanism, to compare"
    )
    command.add_argument("--results", type=Path, default=Path("results"), help="results folder")


def _mechanism(given: argparse.Namespace) -> None:
    from spiketwin.analysis.mechanism import ALIKE, compare_mechanisms, unperturbed_ratio
    from spiketwin.config import read_config
    from spiketwin.figures.mechanism import plot_mechanism

    config, teacher = _config(given), read_config(given.teacher)
    files, other = _files(given, config), None
    if given.other_teacher is not None:
        known = read_config(given.other_teacher)
        other = known, _files(given, known)
    table = compare_mechanisms(config, files, teacher, _files(given, teacher), other)
    for value in ("distance", "change"):
        wide = table.groupby(["area", "contender", "perturbation"], sort=False)[value].mean()
        print(value, wide.unstack(sort=False).round(3).to_string(), sep="\n")
    if other is not None:
        ratio = unperturbed_ratio(table)
        verdict = "cannot be told apart" if ratio <= ALIKE else "can be told apart"
        print(f"unperturbed, the two teachers {verdict}: {ratio:.2f} times the floor")
    plot_mechanism(config, files)
    print(f"wrote {files.table('mechanism').with_suffix('.csv')}, {files.figure('mechanism')}")


def _config(given: argparse.Namespace) -> Config:
    from spiketwin.config import read_config

    return read_config(given.config)


def _run(given: argparse.Namespace) -> Config | TargetRun:
    from spiketwin.config import read_run

    return read_run(given.config)


def _files(given: argparse.Namespace, config: Config | TargetRun) -> RunFiles:
    from spiketwin.files import RunFiles

    return RunFiles(given.results / config.run)


def _describe(given: argparse.Namespace) -> None:
    from spiketwin.files import write_text
    from spiketwin.recording.describe import describe
    from spiketwin.recording.suggest import suggest_config

    target = given.write_config
    if target is None:
        print(describe(given.file))
        return
    if target.exists():
        raise SpiketwinError(f"{target} exists; choose another name")
    write_text(target, suggest_config(given.file))
    print(f"wrote {target}; check it, then run: snakemake --cores 2 --configfile {target}")


def _configure(given: argparse.Namespace) -> None:
    from spiketwin.config import dump_config
    from spiketwin.files import write_text

    run = _run(given)
    write_text(_files(given, run).config, dump_config(run))


def _synthesize(given: argparse.Namespace) -> None:
    from spiketwin.recording import synthesize

    config = _config(given)
    synthetic = config.recordings.synthetic
    if synthetic is None:
        raise SpiketwinError(f"{given.config} has no recordings.synthetic to make")
    synthesize(synthetic, config.recordings.folder_from(given.recordings) / synthetic.name)


def _prepare(given: argparse.Namespace) -> None:
    from spiketwin.trials.prepare import prepare

    config = _config(given)
    folder = config.recordings.folder_from(given.recordings)
    prepare(config, _files(given, config), folder)


def _fit(given: argparse.Namespace) -> None:
    from spiketwin.config import TargetRun
    from spiketwin.learning import fit, fit_targets
    from spiketwin.network import set_threads

    set_threads(given.threads)
    run = _run(given)
    if isinstance(run, TargetRun):
        fit_targets(run, given.model, given.seed, _files(given, run), given.fresh)
    else:
        fit(run, given.model, given.seed, _files(given, run), given.fresh)


def _warm_up(given: argparse.Namespace) -> None:
    from spiketwin.learning.warmup import warm_up

    warm_up()


def _simulate(given: argparse.Namespace) -> None:
    from spiketwin.config import TargetRun, with_perturbations
    from spiketwin.network import set_threads
    from spiketwin.simulate import perturbed_rates, simulate, simulate_targets

    set_threads(given.threads)
    run = _run(given)
    if isinstance(run, TargetRun):
        if given.perturb:
            raise SpiketwinError("--perturb is for models fitted by gradient to recordings")
        simulate_targets(run, given.model, given.seed, _files(given, run))
    else:
        config = with_perturbations(run, given.perturb)
        files, perturbations = _files(given, config), config.analysis.perturbations
        simulate(config, given.model, given.seed, files)
        if given.perturb:
            table = perturbed_rates(files, given.model, given.seed, perturbations)
            print(f"mean rates from the perturbation on (Hz):\n{table.round(2).to_string()}")


def _analyse(given: argparse.Namespace) -> None:
    from spiketwin.config import TargetRun

    run = _run(given)
    if isinstance(run, TargetRun):
        from spiketwin.analysis.tracking import analyse_targets

        analyse_targets(run, _files(given, run))
    else:
        from spiketwin.analysis.tables import analyse

        analyse(run, _files(given, run))


def _plot(given: argparse.Namespace) -> None:
    from spiketwin.config import TargetRun

    run = _run(given)
    if isinstance(run, TargetRun):
        from spiketwin.figures import plot_targets

        plot_targets(run, _files(given, run), given.figure or [])
    else:
        from spiketwin.figures import available, plot_all

        names = given.figure or available(run)
        plot_all(run, _files(given, run), names, given.threads)


def _report(given: argparse.Namespace) -> None:
    from spiketwin.config import TargetRun
    from spiketwin.report import write_report, write_target_report

    run = _run(given)
    if isinstance(run, TargetRun):
        write_target_report(run, _files(given, run))
    else:
        write_report(run, _files(given, run))


STAGES: tuple[tuple[str, Callable[[argparse.Namespace], None], str], ...] = (
    ("configure", _configure, "check a configuration and write it out resolved"),
    ("synthesize", _synthesize, "make the artificial recordings of a configuration"),
    ("prepare", _prepare, "cut recordings into trials and stitch them"),
    ("fit", _fit, "fit one model with one seed"),
    ("simulate", _simulate, "simulate trials of a fitted model"),
    ("analyse", _analyse, "score models, data and trivial models"),
    ("plot", _plot, "draw figures"),
    ("report", _report, "write the report"),
)

if __name__ == "__main__":
    sys.exit(main())
