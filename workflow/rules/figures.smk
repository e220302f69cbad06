from spiketwin.figures import available

FIGURES = available(CONFIG)


localrules:
    figures,
    report,


rule figures:
    input:
        "results/{run}/tables/scores.parquet",
        fits("history.parquet"),
        config="results/{run}/config.yaml",
    output:
        pdf=expand("results/{{run}}/figures/{figure}.pdf", figure=FIGURES),
        svg=[
            report(
                f"results/{{run}}/figures/{figure}.svg",
                caption=f"../report/{figure}.rst",
                category="Figures",
                labels={"figure": figure},
            )
            for figure in FIGURES
        ],
    log:
        "results/{run}/logs/figures.log",
    threads: 2
    params:
        code=code("figures"),
    shell:
        "spiketwin plot --config {input.config} --threads {threads} > {log} 2>&1"


# One target per figure: snakemake figure_rasters, snakemake figure_outcomes, ...
for figure in FIGURES:

    rule:
        name:
            f"figure_{figure}"
        input:
            f"results/{RUN}/figures/{figure}.pdf",
        localrule: True


rule report:
    input:
        "results/{run}/tables/scores.parquet",
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
