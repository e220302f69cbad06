# Table of contents: configuration, rules, what a run ends in.
from snakemake.utils import min_version

min_version("9.1")


# Without --configfile: the embedded example.
if "run" not in config:

    configfile: "workflow/config/example.yaml"


include: "workflow/rules/common.smk"


if GIVEN_TARGETS:

    include: "workflow/rules/targets.smk"

else:

    include: "workflow/rules/recordings.smk"
    include: "workflow/rules/fit.smk"
    include: "workflow/rules/analysis.smk"
    include: "workflow/rules/figures.smk"


report: "workflow/report/intro.rst"


localrules:
    all,


rule all:
    default_target: True
    input:
        f"results/{RUN}/report.html",
