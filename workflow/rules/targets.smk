# A run on given targets: no recordings, no trials; targets are part of the configuration.
from spiketwin.figures import target_figures

FIGURES = target_figures(CONFIG)


localrules:
    figures,
    report,


rule fit:
    """One model with one seed; resumes from its checkpoint when it was interrupted."""
    input:
        targets=target_files,
        config=ancient("results/{run}/config.yaml"),
    output:
        multiext(
            "results/{run}/fits/{model}/seed-{seed}/model", ".safetensors", ".json"
        ),
        history="results/{run}/fits/{model}/seed-{seed}/history.parquet",
    log:
        "results/{run}/logs/fit/{model}/seed-{seed}.log",
    benchmark:
        "results/{run}/logs/fit/{model}/seed-{seed}.tsv"
    retries: 1
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        code=code("network", "learning", "trials/targets.py", "trials/patterns.py"),
        section=section("targets"),
        model=model_section,
    shell:
        "spiketwin fit --config {input.config} --model {wildcards.model} --seed {wildcards.seed}"
        " --threads {threads} > {log} 2>&1"


rule simulate:
    input:
        "results/{run}/fits/{model}/seed-{seed}/model.safetensors",
        "results/{run}/fits/{model}/seed-{seed}/model.json",
        config=ancient("results/{run}/config.yaml"),
    output:
        "results/{run}/fits/{model}/seed-{seed}/tracking.npz",
    log:
        "results/{run}/logs/simulate/{model}/seed-{seed}.log",
    threads: 1
    resources:
        mem_mb=3000,
        runtime=30,
    params:
        code=code("network/sparse", "simulate"),
        section=section("analysis"),
    shell:
        "spiketwin simulate --config {input.config} --model {wildcards.model}"
        " --seed {wildcards.seed} --threads {threads} > {log} 2>&1"


rule analyse:
    input:
        fits("tracking.npz"),
        fits("model.json"),
        fits("history.parquet"),
        config=ancient("results/{run}/config.yaml"),
    output:
        expand(
            "results/{{run}}/tables/{table}.parquet",
            table=[
                "tracking",
                "recall",
                "trajectories",
                "divergence",
                "sweeps",
                "fits",
            ],
        ),
    log:
        "results/{run}/logs/analyse.log",
    params:
        code=code(
            "analysis/tracking.py",
            "analysis/recall.py",
            "analysis/sweeps.py",
            "analysis/fits.py",
            "trials/targets.py",
        ),
    shell:
        "spiketwin analyse --config {input.config} > {log} 2>&1"


rule figures:
    input:
        expand(
            "results/{{run}}/tables/{table}.parquet",
            table=["tracking", "recall", "trajectories", "divergence", "sweeps"],
        ),
        fits("history.parquet"),
        config="results/{run}/config.yaml",
    output:
        pdf=expand("results/{{run}}/figures/{figure}.pdf", figure=FIGURES),
        svg=expand("results/{{run}}/figures/{figure}.svg", figure=FIGURES),
    log:
        "results/{run}/logs/figures.log",
    params:
        code=code("figures"),
    shell:
        "spiketwin plot --config {input.config} > {log} 2>&1"


rule report:
    input:
        "results/{run}/tables/recall.parquet",
        expand("results/{{run}}/figures/{figure}.svg", figure=FIGURES),
        config="results/{run}/config.yaml",
    output:
        "results/{run}/report.html",
    log:
        "results/{run}/logs/report.log",
    params:
        code=code("report"),
    shell:
        "spiketwin report --config {input.config} > {log} 2>&1"
