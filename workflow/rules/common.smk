import json
import re
import sys
from pathlib import Path

from spiketwin.config import TargetRun, dump_config, resolve, resolve_targets
from spiketwin.files import RunFiles, code_digest, write_text

# Rules must find the commands of the environment that runs Snakemake.
shell.prefix(f'export PATH="{Path(sys.executable).parent}:$PATH"; ')


container: "docker://python:3.11"


RECORDINGS_FOLDER = config.pop("recordings_folder", None)
CONFIG = resolve_targets(config) if "targets" in config else resolve(config)
GIVEN_TARGETS = isinstance(CONFIG, TargetRun)
RUN = CONFIG.run
MODELS = list(CONFIG.models)
SEEDS = list(CONFIG.seeds)

# The resolved configuration is written here and not by a rule: Snakemake does not look at the
# parameters of a job whose (even "ancient") input another job is about to make.
CONFIG_FILE = RunFiles(Path("results") / RUN).config
if not CONFIG_FILE.exists() or CONFIG_FILE.read_text(encoding="utf-8") != dump_config(
    CONFIG
):
    write_text(CONFIG_FILE, dump_config(CONFIG))


wildcard_constraints:
    run=re.escape(RUN),
    model="|".join(map(re.escape, MODELS)),
    seed="|".join(map(str, SEEDS)),


# Snakemake itself says only that a job failed and which log tells more.
onerror:
    for line in errors_in_logs():
        print(line, file=sys.stderr)


def errors_in_logs():
    """The line that says what to change, of every log that ends in one."""
    for path in sorted(CONFIG_FILE.with_name("logs").rglob("*.log")):
        last = path.read_text(encoding="utf-8").rstrip().rpartition("\n")[2]
        if last.startswith("error: "):
            yield f"{path}: {last}"


def code(*rooms):
    """Hash of the source of some rooms: a change of code reruns what it must."""
    package = Path(workflow.basedir) / "src" / "spiketwin"
    return code_digest(package, ("config", "randomness.py", *rooms))


def section(*names):
    """Parts of the configuration that a rule depends on, as one string."""
    dumped = CONFIG.model_dump(mode="json")
    return json.dumps({name: dumped[name] for name in names}, sort_keys=True)


def model_section(wildcards):
    """The configuration of one model."""
    return CONFIG.models[wildcards.model].model_dump_json()


def recordings_folder():
    """Folder of the recordings; generated ones lie where the configuration says."""
    given = None if CONFIG.recordings.synthetic is not None else RECORDINGS_FOLDER
    return CONFIG.recordings.folder_from(None if given is None else Path(given))


def recording_files():
    """File of every session; the folder of a Zarr store."""
    return [str(path) for path in CONFIG.recordings.files(recordings_folder()).values()]


def perturbed():
    """Perturbed trials of a fit, one file per perturbation."""
    return [
        f"results/{{run}}/fits/{{model}}/seed-{{seed}}/perturbed-{p.name}.npz"
        for p in CONFIG.analysis.perturbations
    ]


def target_files(wildcards):
    """File with the target rates of a model, where there is one."""
    file = CONFIG.targets_of(wildcards.model).file
    return [] if file is None else [file]


def fits(file):
    """A file of every fit of the run."""
    return expand(
        "results/{run}/fits/{model}/seed-{seed}/{file}",
        run=RUN,
        model=MODELS,
        seed=SEEDS,
        file=file,
    )
